//! Attachments: files that go with an event (`protocol.md` §14.1).

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use watchpost_protocol::{Category, DiscardReason, Item};

use crate::losses::Losses;
use crate::unharmed::unharmed;

/// A file that goes with an event: bytes, a file on disk, or what a function makes.
///
/// A file is opened, and a function called, on the worker when the event is prepared, shortly after the capture: what may be gone by then is
/// attached by its bytes. What cannot be read or is larger than [`max_attachment_size`](crate::Options::max_attachment_size) is left out,
/// counted, and said under `debug`; the event is sent without it. If the event is dropped, so are its attachments.
///
/// Bytes are shared, not copied, until they are sent: however many events wait with the same attachment, it takes its room in the queue once.
///
/// Not done: nobody looks for secrets in it. What the program attaches is sent byte by byte, a text as well.
///
/// ```
/// # use watchpost_core as watchpost;
/// use watchpost::Attachment;
///
/// let bytes = Attachment::bytes("cart.json", br#"{"items":3}"#.as_slice()).content_type("application/json");
/// let file = Attachment::file("/var/log/shop.log").filename("shop-tail.log");
/// let lazy = Attachment::lazy("heap.txt", || Ok(b"...".to_vec()));
/// # drop((bytes, file, lazy));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Attachment {
    filename: Cow<'static, str>,
    content: Content,
    content_type: Option<Cow<'static, str>>,
    kind: Option<Cow<'static, str>>,
}

#[derive(Clone)]
enum Content {
    Bytes(Arc<Held>),
    File(Arc<Path>),
    Made(Arc<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>),
}

/// Bytes, which all copies of an attachment share.
struct Held {
    bytes: Arc<[u8]>,
    /// Whether something that waits in the queue is counted with them: then what waits besides needs no room for them.
    counted: AtomicBool,
}

/// The bytes that something in the queue is counted with. When it goes, whatever comes next is.
#[derive(Default)]
pub(crate) struct Counted(Vec<Arc<Held>>);

impl Drop for Counted {
    fn drop(&mut self) {
        for held in &self.0 {
            held.counted.store(false, Ordering::Relaxed);
        }
    }
}

impl Attachment {
    /// Whether the two are copies of one, and not only equal.
    pub(crate) fn is_same(&self, other: &Attachment) -> bool {
        self.filename == other.filename
            && match (&self.content, &other.content) {
                (Content::Bytes(one), Content::Bytes(other)) => Arc::ptr_eq(one, other),
                (Content::File(one), Content::File(other)) => Arc::ptr_eq(one, other),
                (Content::Made(one), Content::Made(other)) => Arc::ptr_eq(one, other),
                _ => false,
            }
    }

    /// Bytes under a file name.
    pub fn bytes(filename: impl Into<Cow<'static, str>>, bytes: impl Into<Arc<[u8]>>) -> Self {
        let held = Held { bytes: bytes.into(), counted: AtomicBool::new(false) };
        Attachment::new(filename.into(), Content::Bytes(Arc::new(held)))
    }

    /// A file on disk, under its own name.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().map_or("attachment".into(), |name| name.to_string_lossy().into_owned());
        Attachment::new(name.into(), Content::File(path.into()))
    }

    /// What `make` returns, under a file name. It is called once for each event that takes the attachment along, on the worker, and may fail or
    /// panic.
    pub fn lazy(
        filename: impl Into<Cow<'static, str>>,
        make: impl Fn() -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Attachment::new(filename.into(), Content::Made(Arc::new(make)))
    }

    fn new(filename: Cow<'static, str>, content: Content) -> Self {
        Attachment { filename, content, content_type: None, kind: None }
    }

    /// Another name. What stands before the last slash is left out.
    pub fn filename(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.filename = name.into();
        self
    }

    /// The media type. Default: `application/octet-stream`.
    pub fn content_type(mut self, media_type: impl Into<Cow<'static, str>>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    /// What the server takes it for, as `event.view_hierarchy`. Default: `event.attachment`.
    pub fn kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// What is lost with it if it is not even read: its bytes as far as they are known, at least one (`protocol.md` §4.2).
    pub(crate) fn quantity(&self) -> u64 {
        let known = match &self.content {
            Content::Bytes(held) => held.bytes.len() as u64,
            Content::File(_) | Content::Made(_) => 1,
        };
        known.max(1)
    }

    /// How much memory its bytes take while it waits, unless they are counted with something else that waits.
    pub(crate) fn weight(&self, counted: &mut Counted) -> usize {
        match &self.content {
            Content::Bytes(held) if !held.counted.swap(true, Ordering::Relaxed) => {
                counted.0.push(Arc::clone(held));
                held.bytes.len()
            }
            _ => 0,
        }
    }

    /// How large it is, if that is known before it is read and is more than `limit` bytes.
    pub(crate) fn size_beyond(&self, limit: usize) -> Option<usize> {
        let Content::Bytes(held) = &self.content else { return None };
        Some(held.bytes.len()).filter(|size| *size > limit)
    }

    /// The item, unless it cannot be read or is larger than `limit` bytes; then it is counted.
    pub(crate) fn into_item(self, limit: usize, losses: &Losses) -> Option<Item> {
        match self.content.read(limit) {
            Ok(bytes) if bytes.len() <= limit => {
                let media_type = self.content_type.map(Cow::into_owned);
                let mut item = Item::attachment(base_name(&self.filename).to_owned(), media_type, bytes);
                item.header.attachment_type = self.kind.map(Cow::into_owned);
                return Some(item);
            }
            Ok(bytes) => self.leave_out_large(bytes.len(), limit, losses),
            Err(error) => self.leave_out((DiscardReason::InternalSdkError, 1), &error, losses),
        }
        None
    }

    /// Counts it as larger than `limit`.
    pub(crate) fn leave_out_large(&self, size: usize, limit: usize, losses: &Losses) {
        let problem = format_args!("its {size} bytes are more than the {limit} of max_attachment_size");
        self.leave_out((DiscardReason::Invalid, size as u64), &problem, losses);
    }

    fn leave_out(&self, (reason, bytes): (DiscardReason, u64), problem: &dyn fmt::Display, losses: &Losses) {
        crate::debug!("the attachment {:?} was left out: {problem}", base_name(&self.filename));
        losses.record_all(reason, &[(Category::Attachment, bytes), (Category::AttachmentItem, 1)]);
    }
}

impl Content {
    /// Reads no more than one byte past the limit: a file may have no end.
    fn read(&self, limit: usize) -> io::Result<Vec<u8>> {
        match self {
            Content::Bytes(held) => Ok(held.bytes.to_vec()),
            Content::File(path) => {
                let mut bytes = Vec::new();
                if !path.metadata()?.is_file() {
                    return Err(io::Error::other("it is no file")); // a pipe might never end, or never begin
                }
                File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Content::Made(make) => {
                unharmed(|| make()).unwrap_or_else(|| Err(io::Error::other("what makes it panicked")))
            }
        }
    }
}

/// A name has no path (§14.1).
fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or("attachment")
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match &self.content {
            Content::Bytes(held) => format!("{} bytes", held.bytes.len()),
            Content::File(path) => path.display().to_string(),
            Content::Made(_) => "made when it is needed".into(),
        };
        f.debug_struct("Attachment").field("filename", &self.filename).field("content", &content).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(losses: &Losses) -> Vec<String> {
        let lines = losses.lines();
        losses.forget();
        lines.iter().map(|line| format!("{}/{}: {}", line.reason, line.category, line.quantity)).collect()
    }

    #[test]
    fn what_it_says_of_itself_is_in_its_header() {
        let losses = Losses::default();
        let attachment = Attachment::bytes("logs/../tail.log", b"abc".as_slice())
            .content_type("text/plain")
            .kind("event.view_hierarchy");
        let item = attachment.into_item(3, &losses).unwrap();
        assert_eq!(item.payload, b"abc");
        assert_eq!(item.header.filename.as_deref(), Some("tail.log"));
        assert_eq!(item.header.content_type.as_deref(), Some("text/plain"));
        assert_eq!(item.header.attachment_type.as_deref(), Some("event.view_hierarchy"));
        assert!(losses.is_empty());
    }

    #[test]
    fn what_is_too_large_or_unreadable_is_counted() {
        let losses = Losses::default();
        let both = |reason: &str, bytes: u64| {
            vec![format!("{reason}/attachment: {bytes}"), format!("{reason}/attachment_item: 1")]
        };
        assert_eq!(Attachment::bytes("a", b"abcd".as_slice()).into_item(3, &losses), None);
        assert_eq!(lines(&losses), both("invalid", 4));
        assert_eq!(Attachment::lazy("a", || Ok(vec![0; 4])).into_item(3, &losses), None);
        assert_eq!(lines(&losses), both("invalid", 4));
        for attachment in [
            Attachment::file("/nonexistent/file.log"),
            Attachment::file(std::env::temp_dir()),
            Attachment::lazy("a", || Err(io::ErrorKind::NotFound.into())),
            Attachment::lazy("a", || panic!("cannot")),
        ] {
            assert_eq!(attachment.into_item(3, &losses), None);
            assert_eq!(lines(&losses), both("internal_sdk_error", 1));
        }
    }

    #[test]
    fn what_is_shared_takes_room_once() {
        let attachment = Attachment::bytes("a", b"abcd".as_slice());
        let (mut first, mut second) = (Counted::default(), Counted::default());
        assert_eq!(attachment.weight(&mut first), 4);
        assert_eq!(attachment.clone().weight(&mut second), 0);
        drop(second);
        assert_eq!(attachment.weight(&mut Counted::default()), 0, "the first still waits");
        drop(first);
        assert_eq!(attachment.weight(&mut Counted::default()), 4);
    }

    #[test]
    fn a_file_has_its_own_name() {
        let path = std::env::current_exe().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let item = Attachment::file(path).into_item(usize::MAX - 1, &Losses::default()).unwrap();
        assert_eq!(item.header.filename, Some(name));
        assert!(item.payload.len() > 1_000);
    }
}

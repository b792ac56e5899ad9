//! The loaded images of the process: with them the server finds the names of a stripped binary (`protocol.md` §5.12).
//!
//! Read from `/proc/self/maps`, and from the files that are mapped: what they are built as stands in them. Where there is no such file,
//! nothing is known.

use std::fs::{self, File};
use std::sync::{Arc, Mutex, PoisonError};

use object::read::elf::NativeElfFile;
use object::{Object, ObjectSection, ObjectSegment, ReadCache};
use watchpost_protocol::{Addr, DebugImage, DebugMeta, Event, Frame};

use super::walk;

/// The images that were found so far. They are looked for again when an address is in none of them: a library may be loaded at any time.
#[derive(Debug, Default)]
pub(super) struct Images(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    images: Arc<Vec<DebugImage>>,
    /// What was mapped when they were found.
    mapped: Vec<Mapped>,
}

/// A file, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapped {
    start: u64,
    end: u64,
    path: String,
}

impl Images {
    /// Adds the images of an event's addresses, and says of each address where its image starts: the difference is what stays the same from
    /// one run to the next.
    pub(super) fn add_to(&self, event: &mut Event) {
        if event.debug_meta.is_some() {
            return;
        }
        let mut frames: Vec<&mut Frame> =
            event.frames_mut().filter(|frame| frame.instruction_addr.is_some()).collect();
        if frames.is_empty() {
            return;
        }
        let address = |frame: &Frame| frame.instruction_addr.map_or(0, |address| address.0);
        let images = self.of(&frames.iter().map(|frame| address(frame)).collect::<Vec<_>>());
        for frame in &mut frames {
            frame.image_addr = start_of(&images, address(frame));
        }
        if !images.is_empty() {
            event.debug_meta = Some(DebugMeta { images, ..DebugMeta::default() });
        }
    }

    /// Whether an address is known to be in another image than this code is.
    pub(super) fn are_elsewhere(&self, address: usize) -> bool {
        let here = walk::landmark().0 as u64;
        match &self.of(&[address as u64])[..] {
            [image] => !holds(image, here),
            _ => false,
        }
    }

    /// The images that hold these addresses. Others are not needed to find their names, and a program may have hundreds.
    pub(super) fn of(&self, addresses: &[u64]) -> Vec<DebugImage> {
        let mut known = self.known();
        if !addresses.iter().all(|address| known.iter().any(|image| holds(image, *address))) {
            known = self.find();
        }
        let needed = |image: &&DebugImage| addresses.iter().any(|address| holds(image, *address));
        known.iter().filter(needed).cloned().collect()
    }

    fn known(&self) -> Arc<Vec<DebugImage>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner).images)
    }

    /// Reads what is mapped now. Files are read outside the lock, and only if something has changed.
    fn find(&self) -> Arc<Vec<DebugImage>> {
        let mapped = mapped(&fs::read_to_string("/proc/self/maps").unwrap_or_default());
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.mapped == mapped {
                return Arc::clone(&known.images);
            }
        }
        let images: Arc<Vec<_>> = Arc::new(mapped.iter().filter_map(image).collect());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Known { images: Arc::clone(&images), mapped };
        images
    }
}

/// Where the image starts that holds an address.
fn start_of(images: &[DebugImage], address: u64) -> Option<Addr> {
    images.iter().find(|image| holds(image, address)).and_then(|image| image.image_addr)
}

fn holds(image: &DebugImage, address: u64) -> bool {
    let start = image.image_addr.map_or(0, |start| start.0);
    address.checked_sub(start).is_some_and(|offset| offset < image.image_size.unwrap_or(0))
}

/// The files of `/proc/self/maps` that have code, each from its first mapping to its last. A file may be mapped a second time, to be read: that
/// begins at its start again, and is no part of what was loaded.
///
/// ```text
/// 55613ddb7000-55613ddbd000 r-xp 00002000 fe:00 247282      /usr/bin/head
/// ```
fn mapped(maps: &str) -> Vec<Mapped> {
    let mut files: Vec<(Mapped, bool)> = Vec::new();
    for line in maps.lines() {
        let Some((range, rest)) = line.split_once(' ') else { continue };
        let Some(path) = rest.find('/').map(|at| rest[at..].trim_end_matches(" (deleted)")) else { continue };
        let mut ends = range.split('-').filter_map(|end| u64::from_str_radix(end, 16).ok());
        let (Some(start), Some(end)) = (ends.next(), ends.next()) else { continue };
        let is_start = rest.split(' ').nth(1).is_some_and(|offset| offset.bytes().all(|digit| digit == b'0'));
        let is_code = rest.as_bytes().get(2) == Some(&b'x');
        match files.last_mut().filter(|(file, _)| file.path == path && !is_start) {
            Some((file, has_code)) => {
                file.end = end;
                *has_code |= is_code;
            }
            None => files.push((Mapped { start, end, path: path.to_owned() }, is_code)),
        }
    }
    files.into_iter().filter_map(|(file, has_code)| has_code.then_some(file)).collect()
}

fn image(mapped: &Mapped) -> Option<DebugImage> {
    // The link works also when a new release has taken the place of the running one.
    let own = fs::read_link("/proc/self/exe")
        .is_ok_and(|own| own.to_string_lossy().trim_end_matches(" (deleted)") == mapped.path);
    let path = if own { "/proc/self/exe" } else { mapped.path.as_str() };
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = NativeElfFile::parse(&cache).ok()?;
    let build_id = file.build_id().ok().flatten();
    let debug_id = match build_id {
        Some(id) => debug_id(id),
        None => debug_id(&hash(file.section_by_name(".text")?.data().ok()?)),
    };
    Some(DebugImage {
        ty: "elf".into(),
        image_addr: Some(Addr(mapped.start)),
        image_size: Some(mapped.end - mapped.start),
        debug_id: Some(debug_id),
        code_id: build_id.map(hex),
        code_file: Some(mapped.path.clone()),
        image_vmaddr: file
            .segments()
            .map(|segment| segment.address())
            .min()
            .map(|lowest| Addr(lowest & !0xfff)),
        arch: Some(arch().into()),
        ..DebugImage::default()
    })
}

/// The first 16 bytes of a build id as a uuid, whose first three fields are numbers of the machine's byte order.
fn debug_id(build_id: &[u8]) -> String {
    let mut id = [0; 16];
    let taken = build_id.len().min(16);
    id[..taken].copy_from_slice(&build_id[..taken]);
    if cfg!(target_endian = "little") {
        id[..4].reverse();
        id[4..6].reverse();
        id[6..8].reverse();
    }
    let parts = [&id[..4], &id[4..6], &id[6..8], &id[8..10], &id[10..]];
    parts.map(hex).join("-")
}

/// What tells builds without an id apart: the beginning of their code, folded.
fn hash(code: &[u8]) -> [u8; 16] {
    let mut id = [0; 16];
    for block in code[..code.len().min(4_096)].chunks(16) {
        id.iter_mut().zip(block).for_each(|(id, byte)| *id ^= byte);
    }
    id
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As the server calls it.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_protocol() {
        let build_id: Vec<u8> = (0..20)
            .map(|at| {
                u8::from_str_radix(&"5a01ff23c9d8e7b610203040506070800102aabb"[2 * at..2 * at + 2], 16)
                    .unwrap()
            })
            .collect();
        assert_eq!(debug_id(&build_id), "23ff015a-d8c9-b6e7-1020-304050607080");
        assert_eq!(hex(&build_id), "5a01ff23c9d8e7b610203040506070800102aabb");
        assert_eq!(debug_id(&[1, 2]), "00000201-0000-0000-0000-000000000000");
        assert_eq!(hash(&[&[1; 16][..], &[3; 16], &[8]].concat())[..2], [10, 2]);
    }

    #[test]
    fn files_with_code_are_one_image_each() {
        let maps = "\
55d0-55d2 r--p 00000000 fe:00 1     /usr/bin/a shop (deleted)
55d2-55d8 r-xp 00002000 fe:00 1     /usr/bin/a shop (deleted)
55e0-55e4 rw-p 00008000 fe:00 1     /usr/bin/a shop (deleted)
7f00-7f10 rw-p 00000000 00:00 0     [heap]
7f10-7f20 r--p 00000000 fe:00 2     /usr/share/locale
7f20-7f40 r-xp 00000000 fe:00 3     /usr/lib/libc.so.6
8000-8010 r--p 00000000 fe:00 1     /usr/bin/a shop (deleted)
8010-8020 rw-p 00000000 00:00 0
8020-8030 r--p 00000000 fe:00 1     /usr/bin/a shop (deleted)
";
        let file = |start, end, path: &str| Mapped { start, end, path: path.into() };
        assert_eq!(
            mapped(maps),
            [file(0x55d0, 0x55e4, "/usr/bin/a shop"), file(0x7f20, 0x7f40, "/usr/lib/libc.so.6")]
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_running_program_is_one_of_them() {
        let here = the_running_program_is_one_of_them as fn() as usize as u64;
        let images = Images::default();
        let found = images.of(&[here]);
        let own = std::env::current_exe().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code_file.as_deref(), own.to_str());
        assert_eq!(found[0].debug_id.as_deref().map(str::len), Some(36));
        assert_eq!(start_of(&found, here), found[0].image_addr);
        assert_eq!(images.of(&[16]), []);
        assert!(!images.are_elsewhere(here as usize) && !images.are_elsewhere(16));
        let size = found[0].image_size.unwrap();
        assert!(size < 1 << 32, "{size} bytes, also while its debug information is mapped for reading");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_that_was_loaded_later_is_found_too() {
        let here = a_library_that_was_loaded_later_is_found_too as fn() as usize as u64;
        let images = Images::default();
        // As if only another file had been there when they were looked for.
        let other = DebugImage { image_addr: Some(Addr(16)), image_size: Some(16), ..DebugImage::default() };
        *images.0.lock().unwrap() = Known { images: Arc::new(vec![other]), mapped: Vec::new() };
        assert_eq!(images.of(&[20]).len(), 1);
        assert_eq!(images.of(&[here]).len(), 1);
    }
}

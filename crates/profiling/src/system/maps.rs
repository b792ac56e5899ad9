//! Where the code of the process is, and the tables by which its functions are unwound: of the files that `/proc/self/maps` names.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use framehop::{ExplicitModuleSectionInfo, Module, Unwinder};
use object::read::elf::NativeElfFile;
use object::{Object, ObjectSection, ObjectSegment, ReadCache, ReadRef};

use super::unwind::{Native, Table};

/// So often it is looked again for code that is in no file that is known.
const PATIENCE: Duration = Duration::from_secs(1);

/// The functions that the kernel puts into every process, which are in no file: the clocks are read there.
const VDSO: &str = "[vdso]";

#[derive(Default)]
pub(super) struct Maps {
    files: Vec<Mapped>,
    looked: Option<Instant>,
}

/// A file, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapped {
    range: Range<u64>,
    path: String,
}

impl Maps {
    pub(super) fn hold(&self, address: u64) -> bool {
        self.files.iter().any(|file| file.range.contains(&address))
    }

    /// Has an unwinder know the code at this address, if there is any.
    pub(super) fn look_for(&mut self, address: u64, unwinder: &mut Native) {
        let lately = self.looked.is_some_and(|looked| looked.elapsed() < PATIENCE);
        if self.hold(address) || lately {
            return;
        }
        self.looked = Some(Instant::now());
        let files = mapped(&fs::read_to_string("/proc/self/maps").unwrap_or_default());
        for gone in self.files.iter().filter(|file| !files.contains(file)) {
            unwinder.remove_module(gone.range.start);
        }
        for new in files.iter().filter(|file| !self.files.contains(file)) {
            if let Some(module) = module(new) {
                unwinder.add_module(module);
            }
        }
        self.files = files;
    }
}

/// The files that have code, each from its first mapping to its last. One that is mapped a second time, to be read, begins at its start again.
fn mapped(maps: &str) -> Vec<Mapped> {
    let mut files: Vec<(Mapped, bool)> = Vec::new();
    for line in maps.lines() {
        let Some((addresses, rest)) = line.split_once(' ') else { continue };
        let Some(path) = rest.find(['/', '[']).map(|at| rest[at..].trim_end_matches(" (deleted)")) else {
            continue;
        };
        let Some((start, end)) = addresses.split_once('-') else { continue };
        let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else {
            continue;
        };
        let is_start = rest.split(' ').nth(1).is_some_and(|offset| offset.bytes().all(|digit| digit == b'0'));
        let is_code = rest.as_bytes().get(2) == Some(&b'x') && (path.starts_with('/') || path == VDSO);
        match files.last_mut().filter(|(file, _)| file.path == path && !is_start) {
            Some((file, has_code)) => {
                file.range.end = end;
                *has_code |= is_code;
            }
            None => files.push((Mapped { range: start..end, path: path.to_owned() }, is_code)),
        }
    }
    files.into_iter().filter_map(|(file, has_code)| has_code.then_some(file)).collect()
}

fn module(file: &Mapped) -> Option<Module<Table>> {
    let sections = if file.path == VDSO {
        sections(&*of_memory(&file.range).ok()?)
    } else {
        sections(&ReadCache::new(open(&file.path).ok()?))
    };
    Some(Module::new(file.path.clone(), file.range.clone(), file.range.start, sections?))
}

/// The link works also when a new release has taken the place of the running one.
fn open(path: &str) -> io::Result<File> {
    let own = fs::read_link("/proc/self/exe")
        .is_ok_and(|own| own.to_string_lossy().trim_end_matches(" (deleted)") == path);
    File::open(if own { "/proc/self/exe" } else { path })
}

fn of_memory(range: &Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
    File::open("/proc/self/mem")?.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}

/// What the unwinder wants to know of a binary.
fn sections<'data>(data: impl ReadRef<'data>) -> Option<ExplicitModuleSectionInfo<Table>> {
    let file = NativeElfFile::parse(data).ok()?;
    let section = |name: &str| file.section_by_name(name);
    let range =
        |name: &str| section(name).map(|section| section.address()..section.address() + section.size());
    let bytes = |name: &str| section(name)?.data().ok().map(Table::from);
    let lowest = file.segments().map(|segment| segment.address()).min()?;
    Some(ExplicitModuleSectionInfo {
        base_svma: lowest & !0xfff,
        text_svma: range(".text"),
        got_svma: range(".got"),
        eh_frame_svma: range(".eh_frame"),
        eh_frame: bytes(".eh_frame"),
        eh_frame_hdr_svma: range(".eh_frame_hdr"),
        eh_frame_hdr: bytes(".eh_frame_hdr"),
        ..ExplicitModuleSectionInfo::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_code_are_known_from_their_start_to_their_end() {
        let maps = "\
55d0-55d2 r--p 00000000 fe:00 1     /usr/bin/a shop (deleted)
55d2-55d8 r-xp 00002000 fe:00 1     /usr/bin/a shop (deleted)
55e0-55e4 rw-p 00008000 fe:00 1     /usr/bin/a shop (deleted)
7f00-7f10 rw-p 00000000 00:00 0     [heap]
7f10-7f20 r--p 00000000 fe:00 2     /usr/share/locale
8000-8010 r--p 00000000 fe:00 1     /usr/bin/a shop (deleted)
8010-8020 rw-p 00000000 00:00 0
9000-9002 r-xp 00000000 00:00 0     [vdso]
";
        let file = |range, path: &str| Mapped { range, path: path.to_owned() };
        assert_eq!(mapped(maps), [file(0x55d0..0x55e4, "/usr/bin/a shop"), file(0x9000..0x9002, VDSO)]);
    }

    #[test]
    fn this_program_has_tables() {
        let here = this_program_has_tables as fn() as usize as u64;
        let (mut maps, mut unwinder) = (Maps::default(), Native::new());
        maps.look_for(here, &mut unwinder);
        assert!(maps.hold(here));
        assert!(unwinder.max_known_code_address() > here);
        let own = maps.files.iter().find(|file| file.range.contains(&here)).unwrap();
        assert!(sections(&ReadCache::new(open(&own.path).unwrap())).unwrap().eh_frame.is_some());
        for file in maps.files.iter().filter(|file| file.path == VDSO) {
            assert!(module(file).is_some(), "the functions of the kernel have tables, too");
        }
    }
}

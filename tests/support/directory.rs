//! A directory of a test's own, removed in the end.

use std::fs;
use std::path::{Path, PathBuf};

use watchpost::Envelope;

pub(crate) struct Directory(PathBuf);

impl Directory {
    /// The name must be one test's alone.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("watchpost-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Directory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What a spool has there, strictly read; none if there is no directory.
    pub(crate) fn envelopes(&self) -> Vec<Envelope> {
        let files = fs::read_dir(&self.0).into_iter().flatten().map(|file| file.unwrap().path());
        let whole = files.filter(|file| file.extension().is_some_and(|end| end == "envelope"));
        whole.map(|file| Envelope::from_slice(&fs::read(file).unwrap()).unwrap()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

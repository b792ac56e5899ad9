//! In the place of `serve`, where this program is built without it.

use std::error::Error;

use crate::args::Args;

const MISSING: &str = "a server is not part of this build: try again with `--features serve`";

pub(crate) fn compare(_: &Args) -> Result<(), Box<dyn Error>> {
    Err(MISSING.into())
}

pub(crate) mod host {
    use std::error::Error;

    pub(crate) fn serve(_: &str, _: f32) -> Result<(), Box<dyn Error>> {
        Err(super::MISSING.into())
    }
}

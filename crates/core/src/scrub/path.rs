//! Places in an item, and what `_meta` says of them.

use watchpost_protocol::{Meta, Remark};

/// A place in an item: a list of steps, each on the stack of whoever took it.
#[derive(Clone, Copy)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
    depth: usize,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

impl Path<'static> {
    /// The item itself.
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Key(""), depth: 0 };
}

impl Path<'_> {
    pub(crate) fn key<'c>(&'c self, key: &'c str) -> Path<'c> {
        Path { parent: Some(self), step: Step::Key(key), depth: self.depth + 1 }
    }

    pub(crate) fn index(&self, index: usize) -> Path<'_> {
        Path { parent: Some(self), step: Step::Index(index), depth: self.depth + 1 }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Says in an item's `_meta` what was done to the value here (§16.6).
    pub(super) fn note(&self, meta: &mut Meta, remark: Remark) {
        self.find(meta).said.rem.push(remark);
    }

    /// What the item's `_meta` says of this place: places in lists are named, too.
    fn find<'m>(&self, meta: &'m mut Meta) -> &'m mut Meta {
        let Some(parent) = self.parent else { return meta };
        match self.step {
            Step::Key(key) => parent.find(meta).below(key),
            Step::Index(index) => parent.find(meta).below(&index.to_string()),
        }
    }
}

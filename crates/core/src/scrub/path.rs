//! Places in an item, and what `_meta` says of them.

use serde_json::{Value, json};

use crate::meta::annotation;

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

    /// Says in an item's `_meta` that the value here was substituted (`s`) or removed (`x`) by configuration (§16.6). Where somebody else put
    /// what cannot hold a note, there is none.
    pub(super) fn note(&self, meta: &mut Option<Value>, what: &str) {
        let Some(annotation) = annotation(meta, &mut self.steps().into_iter()) else { return };
        if let Value::Array(remarks) = annotation.entry("rem").or_insert_with(|| json!([])) {
            remarks.push(json!(["!config", what]));
        }
    }

    /// The steps from the item to here, as `_meta` names them: places in lists are text, too.
    fn steps(&self) -> Vec<String> {
        let nodes =
            std::iter::successors(Some(self), |path| path.parent).filter(|path| path.parent.is_some());
        let mut steps: Vec<String> = nodes
            .map(|path| match path.step {
                Step::Key(key) => key.to_owned(),
                Step::Index(index) => index.to_string(),
            })
            .collect();
        steps.reverse();
        steps
    }
}

//! What the program does about errors of one type, where they are still at hand.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use watchpost_protocol::{Event, Exception};

use super::draft::{Notes, Said};
use super::names::parts;
use crate::pattern::Pattern;
use crate::unharmed::unharmed;

type Ignores = Arc<dyn Fn(&(dyn Error + 'static)) -> bool + Send + Sync>;
type Says = Arc<dyn Fn(&(dyn Error + 'static), &mut Option<Arc<dyn Said>>) + Send + Sync>;

/// The hooks of a client that see errors.
#[derive(Clone, Default)]
pub(crate) struct ErrorHooks {
    ignored: Vec<Ignores>,
    ignored_names: Vec<Pattern>,
    says: Vec<Says>,
}

impl ErrorHooks {
    pub(crate) fn ignore<E: Error + 'static>(
        &mut self,
        unwanted: impl Fn(&E) -> bool + Send + Sync + 'static,
    ) {
        self.ignored.push(Arc::new(move |error| error.downcast_ref::<E>().is_some_and(&unwanted)));
    }

    pub(crate) fn ignore_names(&mut self, names: impl IntoIterator<Item = impl Into<Pattern>>) {
        self.ignored_names.extend(names.into_iter().map(Into::into));
    }

    pub(crate) fn on<E: Error + 'static>(&mut self, say: impl Fn(&E, &mut Event) + Send + Sync + 'static) {
        self.says.push(Arc::new(move |error, said| {
            if let Some(error) = error.downcast_ref::<E>() {
                hear(said, &|event| say(error, event));
            }
        }));
    }

    /// Whether nobody wants to see errors.
    pub(crate) fn is_empty(&self) -> bool {
        self.ignored.is_empty() && self.says.is_empty()
    }

    /// Shows an error, or one of its causes, to all of them. One that panics has said nothing.
    pub(super) fn see(&self, error: &(dyn Error + 'static), notes: &mut Notes) {
        notes.ignored |= self.ignored.iter().any(|ignores| asked(|| ignores(error)).unwrap_or(false));
        for say in &self.says {
            say(error, &mut notes.said);
        }
    }

    /// Whether an error of this name is not wanted: the name of its type, with its module or without, or that of the variant with its type.
    pub(crate) fn ignores_name(&self, exception: &Exception) -> bool {
        let Some(name) = exception.ty.as_deref().filter(|_| !self.ignored_names.is_empty()) else {
            return false;
        };
        let (ty, variant) = parts(name);
        let mut names = vec![Cow::Borrowed(name)];
        names.extend(variant.map(|_| ty.into()));
        if let Some(module) = exception.module.as_deref() {
            let own = ty.rsplit("::").next().unwrap_or(ty);
            let full = format!("{module}::{own}");
            names.extend(variant.map(|variant| format!("{full}::{variant}").into()));
            names.push(full.into());
        }
        names.iter().any(|name| self.ignored_names.iter().any(|wanted| wanted.is(name)))
    }
}

/// Lets a hook add to what was said before; that stays as it was if the hook panics.
fn hear(said: &mut Option<Arc<dyn Said>>, say: &dyn Fn(&mut Event)) {
    let mut event = said.as_ref().map(|said| said.event().clone()).unwrap_or_default();
    if asked(|| say(&mut event)).is_some() {
        *said = Some(Arc::new(SaidByHooks(event)));
    }
}

#[derive(Debug)]
struct SaidByHooks(Event);

impl Said for SaidByHooks {
    fn event(&self) -> &Event {
        &self.0
    }

    fn fill_in(&self, event: &mut Event) {
        let Event { level, logger, transaction, user, tags, extra, contexts, fingerprint, .. } =
            self.0.clone();
        // What the layers take from a macro's level is no choice of the program's.
        event.level = level.or(event.level);
        event.logger = event.logger.take().or(logger);
        event.transaction = event.transaction.take().or(transaction);
        event.user = event.user.take().or(user);
        for (key, value) in tags {
            event.tags.entry(key).or_insert(value);
        }
        for (key, value) in extra {
            event.extra.entry(key).or_insert(value);
        }
        for (name, value) in contexts.other {
            event.contexts.other.entry(name).or_insert(value);
        }
        if event.fingerprint.is_empty() {
            event.fingerprint = fingerprint;
        }
    }
}

fn asked<T>(hook: impl FnOnce() -> T) -> Option<T> {
    let said = unharmed(hook);
    if said.is_none() {
        crate::debug!("a hook for errors panicked: the error is captured without it");
    }
    said
}

impl fmt::Debug for ErrorHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorHooks")
            .field("ignored", &self.ignored.len())
            .field("ignored_names", &self.ignored_names)
            .field("says", &self.says.len())
            .finish()
    }
}

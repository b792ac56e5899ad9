//! The attribute macro of [watchpost](https://docs.rs/watchpost): use it as `watchpost::monitor`, with the feature `macros`.
//!
//! It stands on nothing but the compiler's own tokens: what it has to know of a function is where its body is, what it returns, and whether
//! it is async.

mod arguments;
mod function;

use proc_macro::{Span, TokenStream};

use arguments::Arguments;
use function::Function;

/// Checks in for every call of a function: when it begins, and when it ends.
///
/// ```ignore
/// #[watchpost::monitor("nightly-billing", schedule = "0 3 * * *", timezone = "Europe/Vienna", max_runtime = 30)]
/// async fn bill() -> Result<(), BillingError> {
///     // An `Err`, a panic, and a future that is dropped half-way are failures.
/// }
/// ```
///
/// The slug and the crontab are checked when the program is compiled. The function may be async, a method, or generic; it returns what
/// `watchpost::Outcome` is implemented for: nothing, or a `Result`.
///
/// | argument | | default |
/// |---|---|---|
/// | the first | the slug: 1 to 50 letters, digits, `-` and `_` | |
/// | `schedule` | a crontab; with it, the monitor is created and changed by its check-ins | what the server knows |
/// | `timezone` | the time zone of the crontab, as `"Europe/Vienna"` | UTC |
/// | `checkin_margin` | how many minutes late it may be | the server's |
/// | `max_runtime` | how many minutes it may take | the server's |
/// | `failure_issue_threshold` | how many failures in a row make an issue | the server's |
/// | `recovery_threshold` | how many successes in a row resolve it | the server's |
/// | `owner` | who is told: `"user:<id>"` or `"team:<id or slug>"` | the server's |
#[proc_macro_attribute]
pub fn monitor(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = Arguments::parse(arguments)
        .and_then(|arguments| Ok(Function::parse(item.clone())?.monitored(&arguments)));
    expanded.unwrap_or_else(|error| {
        // The function stays, so that nobody who calls it is said to be wrong, too.
        let mut tokens = error.into_compile_error();
        tokens.extend(item);
        tokens
    })
}

/// What is wrong, and where.
struct Error {
    message: String,
    span: Span,
}

impl Error {
    fn new(message: impl Into<String>, span: Span) -> Self {
        Error { message: message.into(), span }
    }

    fn into_compile_error(self) -> TokenStream {
        let text = format!("::core::compile_error!({:?});", self.message);
        let tokens: TokenStream = text.parse().unwrap_or_default();
        tokens.into_iter().map(|token| function::with_span(token, self.span)).collect()
    }
}

//! The function that the attribute stands on.

use std::str::FromStr;

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

use crate::Error;
use crate::arguments::Arguments;

/// A function in the three parts that matter.
pub(crate) struct Function {
    /// All that stands before the body.
    head: TokenStream,
    body: Group,
    is_async: bool,
    /// The type that it returns, with `_` for each `impl Trait` in it, which nothing else can be said to be; `None`: it is one altogether.
    returns: Option<TokenStream>,
}

impl Function {
    pub(crate) fn parse(item: TokenStream) -> Result<Self, Error> {
        let mut head: Vec<TokenTree> = item.into_iter().collect();
        let body = match head.pop() {
            Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => body,
            _ => return Err(not_a_function()),
        };
        let is_word = |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident.to_string() == word);
        let Some(start) = head.iter().position(|token| is_word(token, "fn")) else {
            return Err(not_a_function());
        };
        let is_async = head[..start].iter().any(|token| is_word(token, "async"));
        let returns =
            return_type(&head[start..]).filter(|first| !first.first().is_some_and(|it| is_word(it, "impl")));
        let returns = returns.map(|tokens| sayable(tokens.iter().cloned()));
        Ok(Function { head: head.into_iter().collect(), body, is_async, returns })
    }

    /// The same function with its body run by the monitor.
    ///
    /// What is made of the arguments stands in a block of its own, and has no name, so that the body sees nothing new.
    pub(crate) fn monitored(self, arguments: &Arguments) -> TokenStream {
        let Function { head, body, is_async, returns } = self;
        let mut tokens = parenthesized(monitor(arguments));
        let body = TokenStream::from(TokenTree::Group(body));
        if is_async {
            let block = braced([known_type(returns), body].into_iter().collect());
            tokens.extend(code(".run_async"));
            tokens.extend(parenthesized([code("async move"), block].into_iter().collect()));
            tokens.extend(code(".await"));
        } else {
            let returns = returns.map(|ty| [code("->"), ty].into_iter().collect::<TokenStream>());
            tokens.extend(code(".run"));
            tokens.extend(parenthesized(
                [code("move ||"), returns.unwrap_or_default(), body].into_iter().collect(),
            ));
        }
        [head, braced(tokens)].into_iter().collect()
    }
}

fn not_a_function() -> Error {
    Error::new("`monitor` stands on a function with a body", Span::call_site())
}

/// What stands between the arrow after the parameters and the body, or `where`.
fn return_type(signature: &[TokenTree]) -> Option<&[TokenTree]> {
    let is = |at: usize, mark: char| matches!(signature.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
    let (mut depth, mut parameters) = (0_usize, None);
    for (at, token) in signature.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            // The arrow of a `Fn(A) -> B` among the bounds closes nothing.
            TokenTree::Punct(punct) if punct.as_char() == '>' && !is(at.wrapping_sub(1), '-') => {
                depth = depth.saturating_sub(1)
            }
            TokenTree::Group(group) if depth == 0 && group.delimiter() == Delimiter::Parenthesis => {
                parameters = Some(at);
                break;
            }
            _ => {}
        }
    }
    let arrow = parameters? + 1;
    if !(is(arrow, '-') && is(arrow + 1, '>')) {
        return None;
    }
    let returned = &signature[arrow + 2..];
    let end = returned
        .iter()
        .position(|token| matches!(token, TokenTree::Ident(ident) if ident.to_string() == "where"));
    Some(&returned[..end.unwrap_or(returned.len())])
}

/// The same type with `_` where it has an `impl Trait`, which ends at the comma or the bracket that is not its own.
fn sayable(tokens: impl IntoIterator<Item = TokenTree>) -> TokenStream {
    let (mut said, mut skipped) = (TokenStream::new(), None::<usize>);
    let mut after_dash = false; // the arrow of a `Fn(A) -> B` closes nothing
    for token in tokens {
        let mark = if let TokenTree::Punct(punct) = &token { punct.as_char() } else { ' ' };
        let closes = mark == '>' && !after_dash;
        after_dash = mark == '-';
        skipped = match skipped {
            Some(0) if mark == ',' || closes => None,
            Some(depth) if closes => Some(depth - 1),
            Some(depth) if mark == '<' => Some(depth + 1),
            other => other,
        };
        if skipped.is_some() {
            continue;
        }
        match token {
            TokenTree::Ident(ident) if ident.to_string() == "impl" => {
                said.extend(code("_"));
                skipped = Some(0);
            }
            TokenTree::Group(group) => {
                let inner = Group::new(group.delimiter(), sayable(group.stream()));
                said.extend([TokenTree::Group(inner)]);
            }
            token => said.extend([token]),
        }
    }
    said
}

/// The monitor as an expression. Its slug and its crontab are constants: a wrong one does not compile, and the error is at the literal.
fn monitor(arguments: &Arguments) -> TokenStream {
    let mut block = TokenStream::new();
    let mut constant = |name: &str, ty: &str, value: &proc_macro::Literal| {
        block.extend(code(&format!("const {name}: ::watchpost::{ty} =")));
        let call: TokenStream = [code(&format!("::watchpost::{ty}::literal")), parenthesized(literal(value))]
            .into_iter()
            .collect();
        block.extend(call.into_iter().map(|token| with_span(token, value.span())));
        block.extend(code(";"));
    };
    constant("SLUG", "MonitorSlug", &arguments.slug);
    if let Some(crontab) = &arguments.schedule {
        constant("CRONTAB", "Crontab", crontab);
    }
    block.extend(code("::watchpost::Monitor::new(SLUG)"));
    if arguments.schedule.is_some() {
        block.extend(code(".crontab(CRONTAB)"));
    }
    for (setter, value) in &arguments.others {
        block.extend(code(&format!(".{setter}")));
        block.extend(parenthesized(literal(value)));
    }
    braced(block)
}

/// Says what type an async block has, which `?` in it could not tell: by a return that is never reached.
fn known_type(returns: Option<TokenStream>) -> TokenStream {
    let Some(returns) = returns else { return TokenStream::new() };
    let never = [code("let never:"), returns, code("= loop {}; return never;")].into_iter().collect();
    let lints = "#[allow(unreachable_code, clippy::diverging_sub_expression, clippy::empty_loop, clippy::let_unit_value, clippy::needless_return)]";
    [code(lints), code("if false"), braced(never)].into_iter().collect()
}

/// Code of ours, which is sure to be tokens.
fn code(text: &str) -> TokenStream {
    TokenStream::from_str(text).unwrap_or_default()
}

fn literal(literal: &proc_macro::Literal) -> TokenStream {
    TokenTree::Literal(literal.clone()).into()
}

fn braced(tokens: TokenStream) -> TokenStream {
    TokenTree::Group(Group::new(Delimiter::Brace, tokens)).into()
}

fn parenthesized(tokens: TokenStream) -> TokenStream {
    TokenTree::Group(Group::new(Delimiter::Parenthesis, tokens)).into()
}

/// The token at another place, for errors.
pub(crate) fn with_span(mut token: TokenTree, span: Span) -> TokenTree {
    if let TokenTree::Group(group) = &token {
        let inner = group.stream().into_iter().map(|token| with_span(token, span)).collect();
        token = TokenTree::Group(Group::new(group.delimiter(), inner));
    }
    token.set_span(span);
    token
}

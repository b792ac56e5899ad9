//! The arguments of the attribute: a slug, then keys with literals.

use proc_macro::{Literal, Span, TokenStream, TokenTree};

use crate::Error;

/// The keys whose values are texts, and those whose values are numbers, besides `schedule`: methods of `Monitor`.
const TEXTS: [&str; 2] = ["timezone", "owner"];
const NUMBERS: [&str; 4] = ["checkin_margin", "max_runtime", "failure_issue_threshold", "recovery_threshold"];

/// What the attribute says.
pub(crate) struct Arguments {
    pub(crate) slug: Literal,
    pub(crate) schedule: Option<Literal>,
    /// The setters to call, with their values.
    pub(crate) others: Vec<(String, Literal)>,
}

impl Arguments {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self, Error> {
        let mut tokens = tokens.into_iter();
        let slug = match tokens.next() {
            Some(TokenTree::Literal(slug)) if is_text(&slug) => slug,
            other => return Err(Error::new("the slug of the monitor comes first, as a text", place(&other))),
        };
        let mut arguments = Arguments { slug, schedule: None, others: Vec::new() };
        while let Some(comma) = tokens.next() {
            expect(',', Some(comma))?;
            let Some(key) = tokens.next() else { break };
            expect('=', tokens.next())?;
            let value = match tokens.next() {
                Some(TokenTree::Literal(value)) => value,
                other => return Err(Error::new("a text or a number comes here", place(&other))),
            };
            arguments.add(&key, value)?;
        }
        Ok(arguments)
    }

    fn add(&mut self, key: &TokenTree, value: Literal) -> Result<(), Error> {
        let name = key.to_string();
        let wants_text = name == "schedule" || TEXTS.contains(&name.as_str());
        if !wants_text && !NUMBERS.contains(&name.as_str()) {
            let known = [&["schedule"], &TEXTS[..], &NUMBERS[..]].concat().join(", ");
            return Err(Error::new(
                format!("no argument is called `{name}`; there are: {known}"),
                key.span(),
            ));
        }
        if wants_text != is_text(&value) {
            let wanted = if wants_text { "a text" } else { "a number" };
            return Err(Error::new(format!("`{name}` is {wanted}"), value.span()));
        }
        if (name == "schedule" && self.schedule.is_some())
            || self.others.iter().any(|(known, _)| *known == name)
        {
            return Err(Error::new(format!("`{name}` is there twice"), key.span()));
        }
        match name.as_str() {
            "schedule" => self.schedule = Some(value),
            _ => self.others.push((name, value)),
        }
        Ok(())
    }
}

fn is_text(literal: &Literal) -> bool {
    let text = literal.to_string();
    text.starts_with('"') || text.starts_with("r\"") || text.starts_with("r#")
}

fn expect(mark: char, token: Option<TokenTree>) -> Result<(), Error> {
    match token {
        Some(TokenTree::Punct(punct)) if punct.as_char() == mark => Ok(()),
        other => Err(Error::new(format!("`{mark}` is expected here"), place(&other))),
    }
}

/// Where a token is; where it is missing, the attribute.
fn place(token: &Option<TokenTree>) -> Span {
    token.as_ref().map_or_else(Span::call_site, TokenTree::span)
}

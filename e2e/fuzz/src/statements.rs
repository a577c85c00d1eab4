//! Text to tokens, to a class, and to a statement with values in place of its parameters.

use orrery_plan::lex::{Kind, Token, tokens};
use orrery_plan::statement::{Literal, MAX_TOKENS, Statement, bind, classify, parameters};

/// Reads a text in every way that needs no catalog.
pub(crate) fn feed(sql: &str) {
    let class = classify(sql);
    let Ok(tokens) = tokens(sql, MAX_TOKENS) else {
        assert!(class.is_err(), "a class without tokens: {class:?}");
        return;
    };
    check_places(sql, &tokens);
    if let Ok(Statement::Explain { inner, .. } | Statement::Submit { inner }) = &class {
        assert!(sql.contains(inner.as_str()), "text of its own: {inner:?}");
        // They say what the inner statement is by its class.
        let _ = classify(inner);
    }
    let _ = orrery_plan::preparable(sql);
    let _ = orrery_plan::check_listing(sql);
    check_values(sql, &tokens);
}

/// Tokens follow each other, and none is empty.
fn check_places(sql: &str, tokens: &[Token<'_>]) {
    let mut end = 0;
    for token in tokens {
        assert!(end <= token.start, "{token:?} begins before {end}");
        assert!(!token.text.is_empty(), "an empty token at {}", token.start);
        end = token.end();
    }
    assert!(end <= sql.len(), "a token ends after the text");
}

/// Whatever a value holds, it stays one value: the tokens around it are what they were.
fn check_values(sql: &str, before: &[Token<'_>]) {
    let Ok(places) = parameters(sql) else {
        return;
    };
    if places.is_empty() {
        return;
    }
    let bytes = sql.as_bytes().to_vec();
    let values = [
        Literal::Text(sql.to_owned()),
        Literal::Bytes(bytes),
        Literal::Date(sql.to_owned()),
        Literal::DateTime(sql.to_owned()),
        Literal::Time(sql.to_owned()),
        Literal::Decimal(sql.to_owned()),
        Literal::Decimal("-1.5".to_owned()),
        Literal::Integer(-7),
        Literal::Unsigned(7),
        Literal::Double(-1.5e300),
        Literal::Null,
    ];
    for value in values {
        let all = vec![value.clone(); places.len()];
        let Ok(bound) = bind(sql, &all) else {
            continue;
        };
        let after = tokens(&bound, 2 * MAX_TOKENS);
        let after = after.unwrap_or_else(|error| unreadable(&bound, &error));
        assert_eq!(
            without_values(before),
            without_literals(before, &after),
            "{value:?} in place of ? makes {bound:?}"
        );
    }
}

fn unreadable(bound: &str, error: &dyn std::error::Error) -> Vec<Token<'static>> {
    assert!(bound.is_empty(), "{bound:?} cannot be read: {error}");
    Vec::new()
}

/// Texts of the tokens that are no parameters, `?` for each that is.
fn without_values<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    tokens.iter().map(|token| token.text).collect()
}

/// The same of a statement with values: what stands in a parameter's place is `?`.
fn without_literals<'a>(before: &[Token<'a>], after: &[Token<'a>]) -> Vec<&'a str> {
    let mut rest = after.iter();
    let mut texts = Vec::new();
    for token in before {
        if token.kind == Kind::Placeholder {
            texts.push(if take_literal(&mut rest) { "?" } else { "!" });
        } else {
            texts.extend(rest.next().map(|token| token.text));
        }
    }
    texts.extend(rest.map(|token| token.text));
    texts
}

/// Takes one literal: a sign and a number, a type and a text, a text in parentheses, or one token.
fn take_literal<'t, 'a: 't>(tokens: &mut impl Iterator<Item = &'t Token<'a>>) -> bool {
    let Some(first) = tokens.next() else {
        return false;
    };
    let rest: &[&dyn Fn(&Token<'_>) -> bool] = match (first.kind, first.text) {
        (Kind::Symbol, "-" | "+") => &[&|token| token.kind == Kind::Number],
        (Kind::Word, "DATE" | "TIMESTAMP" | "TIME") => &[&|token| token.kind == Kind::Text],
        (Kind::Symbol, "(") => &[&|token| token.kind == Kind::Text, &|token| {
            token.is_symbol(")")
        }],
        (Kind::Text | Kind::PrefixedText | Kind::Number, _) | (Kind::Word, "NULL") => &[],
        _ => return false,
    };
    rest.iter().all(|fits| tokens.next().is_some_and(fits))
}

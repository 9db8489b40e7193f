//! Rust source as tokens, without comments, layout and test code: enough to see which names it uses.

/// The tokens of a source. Names, `::` and single characters; a literal is one token.
pub(crate) fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, is_code) = match first {
            c if c.is_whitespace() => (c.len_utf8(), false),
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (block_comment(rest), false),
            ':' if rest.starts_with("::") => (2, true),
            _ => (literal(rest).or_else(|| name(rest)).unwrap_or(first.len_utf8()), true),
        };
        let (token, after) = rest.split_at(length);
        if is_code {
            found.push(token);
        }
        rest = after;
    }
    found
}

/// Length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a name, a number or a lifetime.
fn name(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'').unwrap_or(text);
    let length = body
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(body.len());
    (length > 0).then_some(text.len() - body.len() + length)
}

/// Length of a text or a character, with its prefix and its quotes.
fn literal(text: &str) -> Option<usize> {
    let body = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - body.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let opened = raw[hashes..].strip_prefix('"')?;
        let closing = format!("\"{}", "#".repeat(hashes));
        let inside = opened.find(&closing)?;
        return Some(prefix + 1 + hashes + 1 + inside + closing.len());
    }
    let quote = body.chars().next().filter(|c| ['"', '\''].contains(c))?;
    if quote == '\'' && !is_character(body) {
        return None;
    }
    let mut escaped = false;
    let end = body[1..].find(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some(prefix + 1 + end + 1)
}

/// Tells a character from a lifetime.
fn is_character(text: &str) -> bool {
    let mut inside = text.chars().skip(1);
    match inside.next() {
        Some('\\') => true,
        Some(_) => inside.next() == Some('\''),
        None => false,
    }
}

/// Index behind the item or group that begins at `at`: behind its `;` or its closing brace, before a bracket that it is in.
pub(crate) fn item_end(tokens: &[&str], at: usize) -> usize {
    let ends_with_semicolon = ["use", "static", "type", "const"].contains(&keyword(&tokens[at..]));
    let mut depth = 0;
    for (n, token) in tokens.iter().enumerate().skip(at) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return n,
            "}" if depth == 1 && !ends_with_semicolon => return n + 1,
            ")" | "]" | "}" => depth -= 1,
            ";" if depth == 0 => return n + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Index behind the group whose opening bracket is at `at`.
pub(crate) fn group_end(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0;
    for (n, token) in tokens.iter().enumerate().skip(at) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return n + 1;
        }
    }
    tokens.len()
}

/// The word that says what an item is.
pub(crate) fn keyword<'a>(item: &[&'a str]) -> &'a str {
    let mut at = 0;
    while let Some(word) = item.get(at) {
        let next = item.get(at + 1).copied().unwrap_or_default();
        match *word {
            "pub" if next == "(" => at = group_end(item, at + 1),
            "pub" | "async" | "unsafe" | "extern" => at += 1,
            "const" if ["fn", "unsafe", "async", "extern"].contains(&next) => at += 1,
            literal if literal.starts_with('"') => at += 1,
            word => return word,
        }
    }
    ""
}

/// The code that is not for tests alone, and the names of the modules that are.
pub(crate) fn without_tests<'a>(tokens: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut code, mut test_modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        if !is_for_tests(&tokens[at..]) {
            code.push(tokens[at]);
            at += 1;
            continue;
        }
        at = group_end(tokens, at + 1);
        while tokens.get(at) == Some(&"#") {
            at = group_end(tokens, at + 1);
        }
        let end = item_end(tokens, at);
        if keyword(&tokens[at..end]) == "mod" {
            let named = tokens[at..end].iter().skip_while(|token| **token != "mod").nth(1);
            test_modules.extend(named.copied());
        }
        at = end;
    }
    (code, test_modules)
}

/// True if an attribute begins here that leaves its item to tests.
fn is_for_tests(tokens: &[&str]) -> bool {
    let ["#", "[", "cfg", "(", ..] = tokens else {
        return false;
    };
    let condition = &tokens[3..group_end(tokens, 3)];
    condition.contains(&"test") && !condition.contains(&"not")
}

#[test]
fn source_is_read_as_tokens() {
    let text = r##"/* a /* b */ */ let x: &'a str = r#"c " d"#; // e
        f('\'', b'"', 'g', "h \" i", 1_0)"##;
    let expected = [
        "let",
        "x",
        ":",
        "&",
        "'a",
        "str",
        "=",
        "r#\"c \" d\"#",
        ";",
        "f",
        "(",
        r"'\''",
        ",",
        "b'\"'",
        ",",
        "'g'",
        ",",
        r#""h \" i""#,
        ",",
        "1_0",
        ")",
    ];
    assert_eq!(tokens(text), expected);
}

#[test]
fn test_code_is_left_out_wherever_it_stands() {
    let text = "#[cfg(test)] pub(crate) mod testing; use a::B; impl C { #[cfg(test)] #[must_use] fn d() {} fn e() {} }
        #[cfg(not(test))] fn f() {} #[cfg(all(test, unix))] const G: [u8; 1] = { [0; 1] }; struct H;";
    let tokens = tokens(text);
    let (code, test_modules) = without_tests(&tokens);
    assert_eq!(test_modules, ["testing"]);
    assert_eq!(
        code.join(" "),
        "use a :: B ; impl C { fn e ( ) { } } # [ cfg ( not ( test ) ) ] fn f ( ) { } struct H ;"
    );
}

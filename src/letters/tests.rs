use super::*;

fn facts() -> Facts {
    Facts {
        product: Localized { zh: "图册<1>".to_owned(), en: "Atlas <1>\r\nBcc: x@example.com".to_owned() },
        plan: Localized { zh: "标准版".to_owned(), en: "Standard".to_owned() },
        license: "0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21".to_owned(),
        expires_at: Some("2026-12-31T20:00:00Z".parse().unwrap()),
        days_left: 7,
        page: "https://license.example.com/l/abc".to_owned(),
        support: Some("help@example.com".to_owned()),
        trouble: vec![("kind".to_owned(), "call_failed".to_owned()), ("why".to_owned(), "a <b>".to_owned())],
    }
}

#[test]
fn every_letter_is_whole_in_both_languages() {
    for kind in Kind::ALL {
        let mut subjects = Vec::new();
        for language in [Language::Zh, Language::En] {
            let letter = write(kind, language, &facts()).unwrap();
            assert!(!letter.subject.contains(char::is_control), "{kind:?}: {letter:?}");
            assert!(!letter.html.contains("<1>") && !letter.html.contains("a <b>"), "{kind:?}: {letter:?}");
            assert!(letter.html.contains("lang=\""), "{kind:?}");
            let has_page = !matches!(kind, Kind::LicenseReleased | Kind::CallFailing);
            for form in [&letter.text, &letter.html] {
                assert_eq!(form.contains("https://license.example.com/l/abc"), has_page, "{kind:?}: {form}");
                assert_eq!(form.contains("call_failed"), kind == Kind::CallFailing, "{kind:?}: {form}");
                assert!(!form.contains("{{") && !form.contains("{%"), "{form}");
            }
            let ends = if language == Language::Zh { "2027 年 1 月 1 日" } else { "1 January 2027" };
            assert_eq!(letter.text.contains(ends), !kind.is_to_the_merchant(), "{kind:?}: {}", letter.text);
            subjects.push(letter.subject);
        }
        assert_ne!(subjects[0], subjects[1]);
        assert_eq!(kind.as_str().parse::<Kind>(), Ok(kind));
    }
}

#[test]
fn text_is_not_escaped() {
    let letter = write(Kind::LicenseDelivered, Language::Zh, &facts()).unwrap();
    assert!(letter.text.contains("图册<1>"), "{}", letter.text);
}

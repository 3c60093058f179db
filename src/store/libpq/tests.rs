use diesel::{Connection, PgConnection};

use super::*;

fn read(text: &str) -> Url {
    Url::read(text).unwrap_or_else(|| panic!("{text} was refused"))
}

#[test]
fn urls_of_every_form_are_read() {
    for text in [
        "postgres://",
        "postgres://localhost",
        "postgres://signet@127.0.0.1:5432/postgres",
        "postgresql://signet:s%40c%2Fr%25t@db.example.com/signet?sslmode=verify-full&connect_timeout=1",
        "postgres://signet@[::1]:5432/signet",
        "postgres://signet@one:1,two:2,three/signet?target_session_attrs=read-write",
        "postgres://%2Fvar%2Frun%2Fpostgresql/signet",
        "postgres:///signet?host=/var/run/postgresql",
        "postgres://signet:a!b$c'd(e)f*g+h,i;j-k.l_m~n:o@h/d",
    ] {
        assert_eq!(format!("{:?}", read(text)), "Url(…)");
    }
}

/// libpq's own messages name the wrong part of these, which may be one of the password.
#[test]
fn urls_that_can_be_read_in_two_ways_are_refused() {
    for text in [
        "postgres://u:can%zzary@h/d",
        "postgres://u:canary%@h/d",
        "postgres://u:canary%4@h/d",
        "postgres://u:canary%00@h/d",
        "postgres://u:can@ary@h/d",
        "postgres://u:can/ary@h/d",
        "postgres://u:can/1@h/d",
        "postgres://u:can?ary@h/d",
        "postgres://u:1?sslmode=ary@h/d",
        "postgres://u:can#ary@h/d",
        "postgres://u:can ary@h/d",
        "postgres://u:can\"ary@h/d",
        "postgres://u:can[ary@h/d",
        "postgres://u:cañary@h/d",
        "postgres://u:canary",
        "postgres://u@[::1canary/d",
        "postgres://u:canary@[::1/d",
        "postgres://u:canary@h:port/d",
        "postgres://u:canary@h:70000/d",
        "postgres://u@h/d?password=can&ary",
        "postgres://u@h/d?password=x&canary=y",
        "postgres://u@h/d?password=can=ary",
        "postgres://u@h/d?=canary",
        "postgres://u@h/d?",
        "host=h password=canary",
    ] {
        assert!(Url::read(text).is_none(), "{text} was taken");
        if text.starts_with("postgres") {
            let error = text.parse::<crate::store::DatabaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("ary"), "{text}");
        }
    }
}

/// What libpq really says of URLs that are read, and of options it does not like.
#[test]
fn nothing_of_the_url_is_in_a_message_about_it() {
    for text in [
        "postgres://canary:canary@127.0.0.1:1/canary",
        "postgres://canary:x@canary.invalid/canary",
        "postgres://u:x@127.0.0.1:1/d?sslmode=canary",
        "postgres://u@127.0.0.1:1/d?password=canary&sslmode=can%61ry",
        "postgres://u@127.0.0.1:1/d?require_auth=canary",
        "postgres://u@h:1/d?hostaddr=canary",
        "postgres:///d?host=/canary&port=canary",
    ] {
        let url = read(text);
        let raw = PgConnection::establish(url.with_defaults().expose_secret()).err().unwrap().to_string();
        let shown = url.cleaned(&raw);
        assert!(!shown.contains("canary"), "{text}: {shown}");
        assert!(shown.len() > 20 && !shown.contains("127.0.0.1"), "{text}: {shown}");
    }
}

/// Odd characters, encoded as they must be: in no form they come through, whoever repeats them.
#[test]
fn no_password_comes_through_in_any_form() {
    for (written, meant) in [
        ("canary", "canary"),
        ("can%61ry", "canary"),
        ("c%20n%22r'y", "c n\"r'y"),
        ("%40%2f%3F%23%3a", "@/?#:"),
        ("%25zz", "%zz"),
        ("%C3%BC%E5%AF%86%E7%A0%81", "ü密码"),
        ("%0a%0d%5c", "\n\r\\"),
        ("a", "a"),
    ] {
        for text in [format!("postgres://u:{written}@h/d"), format!("postgres://u@h/d?password={written}")] {
            let url = read(&text);
            for part in [written, meant] {
                for message in [part.to_owned(), format!("invalid thing: \"{part}\""), format!("x{part}x failed")] {
                    assert_eq!(url.cleaned(&message), WITHHELD, "{text}: {message}");
                }
            }
            let innocent = "FTL: wrong login";
            assert_eq!(url.cleaned(innocent), innocent, "{text}");
        }
    }
}

/// Taking the host out must not hide that the password is there, and leave its other parts.
#[test]
fn a_password_that_holds_another_value_is_found_whole() {
    let url = read("postgres://u:first-h-last@h/d");
    assert_eq!(url.cleaned("not good: first-h-last"), WITHHELD);
}

/// A password that is also a user's name is no reason to withhold: the name is taken out first.
#[test]
fn values_are_replaced_only_where_they_stand_by_themselves() {
    let url = read("postgres://on:on@one.example.com:5432/in?options=-csearch_path");
    assert_eq!(
        url.cleaned(
            "connection to one.example.com in \"in\" as \"on\" with -csearch_path: not inside two.one.example.com2"
        ),
        WITHHELD
    );
    let url = read("postgres://on:secret@one.example.com:5432/in?options=-csearch_path%3Dx");
    assert_eq!(
        url.cleaned("connection to one.example.com, port 5432, as \"on\", \"in\", -csearch_path=x: one.example.common"),
        "connection to (host), port 5432, as \"(user)\", \"(database)\", (option): one.example.common"
    );
    let url = read("postgres://signet:signet@h/d");
    assert_eq!(
        url.cleaned("password authentication failed for user \"signet\""),
        "password authentication failed for user \"(user)\""
    );
}

#[test]
fn time_outs_are_added_unless_they_are_named() {
    let whole = |text: &str| read(text).with_defaults().expose_secret().to_owned();
    let rest =
        "tcp_user_timeout=5000&keepalives_idle=5&keepalives_interval=2&keepalives_count=3&application_name=signet";
    assert_eq!(whole("postgres://h/d"), format!("postgres://h/d?connect_timeout=3&{rest}"));
    assert_eq!(whole("postgres://h/d?connect_timeout=9"), format!("postgres://h/d?connect_timeout=9&{rest}"));
}

//! The signature of a call: HMAC-SHA256 over id, time and body, as the Standard Webhooks specification has it, so that a
//! published library of the shop's language makes it.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use sha2::Sha256;

use crate::base::{
    secret::{ExposeSecret, SecretString},
    time::Time,
};

/// How far a call's time may be off.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Characters of a call's id.
const ID_CHARS: usize = 256;

/// What a call shows, from its headers.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`: any number of signatures with spaces between them; one that fits is enough.
    pub signature: &'a str,
}

/// Why a call is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBelieved {
    /// Something of the three headers is missing or no text of the right form.
    #[error("send `webhook-id`, `webhook-timestamp` and `webhook-signature`, each once")]
    Incomplete,
    /// The channel's key is none.
    #[error("the channel's access key is no secret: it must be `whsec_` and base64")]
    NoSecret,
    /// The time is too far off.
    #[error("the call's time is more than 5 minutes off: set the clock of the shop, or of this service")]
    Clock,
    /// No signature fits.
    #[error("no signature fits: compare the secret, and sign the body as it is sent")]
    WrongSignature,
}

/// When a believed call was signed.
///
/// # Errors
/// [`NotBelieved`].
pub fn check(shown: Shown<'_>, body: &[u8], key: &SecretString, now: Time) -> Result<Time, NotBelieved> {
    let Shown { id, timestamp, signature } = shown;
    if id.is_empty() || id.len() > ID_CHARS {
        return Err(NotBelieved::Incomplete);
    }
    let seconds: i64 = timestamp.parse().map_err(|_| NotBelieved::Incomplete)?;
    let at = seconds.checked_mul(1_000_000).and_then(Time::from_micros).ok_or(NotBelieved::Incomplete)?;
    let secret = key.expose_secret().trim();
    let secret = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let secret = BASE64.decode(secret.as_bytes()).ok().filter(|it| !it.is_empty()).ok_or(NotBelieved::NoSecret)?;
    let fits = |given: &str| {
        let given = given.strip_prefix("v1,").and_then(|text| BASE64.decode(text.as_bytes()).ok());
        let mac = Hmac::<Sha256>::new_from_slice(&secret).ok();
        given.zip(mac).is_some_and(|(given, mut mac)| {
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            // In constant time.
            mac.verify_slice(&given).is_ok()
        })
    };
    if !signature.split(' ').take(10).any(fits) {
        return Err(NotBelieved::WrongSignature);
    }
    // Only of a call that is the shop's: nobody else learns what time it is here.
    if now.since(at).abs() > TOLERANCE {
        return Err(NotBelieved::Clock);
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_published_example_is_believed_and_nothing_else() {
        let key = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body: &[u8] = br#"{"test": 2432232314}"#;
        let good = Shown {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: "1614265330",
            signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        };
        let now = Time::from_micros(1_614_265_330_000_000).unwrap();
        assert_eq!(check(good, body, &key, now), Ok(now));
        let two = format!("v1,AAAA v2,x {}", good.signature);
        assert_eq!(check(Shown { signature: &two, ..good }, body, &key, now), Ok(now));
        let wrong = Err(NotBelieved::WrongSignature);
        assert_eq!(check(good, b"{}", &key, now), wrong);
        assert_eq!(check(Shown { id: "msg_other", ..good }, body, &key, now), wrong);
        assert_eq!(check(Shown { timestamp: "1614265331", ..good }, body, &key, now), wrong);
        assert_eq!(check(good, body, &"whsec_AAAA".into(), now), wrong);
        assert_eq!(check(good, body, &"no secret!".into(), now), Err(NotBelieved::NoSecret));
        for bad in [
            Shown { id: "", ..good },
            Shown { timestamp: "soon", ..good },
            Shown { timestamp: "9223372036854775807", ..good },
        ] {
            assert_eq!(check(bad, body, &key, now), Err(NotBelieved::Incomplete));
        }
        for (seconds, believed) in [(300, true), (301, false), (-300, true), (-301, false)] {
            let later = now.saturating_add(SignedDuration::from_secs(seconds));
            assert_eq!(check(good, body, &key, later).is_ok(), believed, "{seconds}");
        }
    }
}

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    super::{client::Client, guard::Guard},
    *,
};
use crate::base::networks::Networks;

const FILE: &[u8] = b"twenty bytes of bytes";

/// Answers one call with these bytes, and tells what was asked.
async fn keeper(answer: String) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap().to_lowercase()
    });
    (url, asked)
}

fn answer(status: u16, length: usize, body: &[u8]) -> String {
    let body = std::str::from_utf8(body).unwrap();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// What is passed on, and how it ends; what was asked.
async fn passed(range: Range<u64>, answer: String) -> (Vec<u8>, Result<(), DownloadError>, String) {
    let (url, asked) = keeper(answer).await;
    let client = Client::new(Guard::new(Networks::parse(&["127.0.0.1".to_owned()]).unwrap())).unwrap();
    let digest = HEXLOWER.encode(&Sha256::digest(FILE));
    let mut bytes = Vec::new();
    let ends = match download(&client, request(&url).unwrap(), FILE.len() as u64, &digest, range).await {
        Err(error) => Err(error),
        Ok(mut stream) => loop {
            match stream.next().await {
                Some(Ok(piece)) => bytes.extend_from_slice(&piece),
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        },
    };
    (bytes, ends, asked.await.unwrap())
}

#[tokio::test]
async fn a_file_is_passed_on_whole_and_in_parts() {
    let (bytes, ends, asked) = passed(0..21, answer(200, 21, FILE)).await;
    assert_eq!((&bytes[..], ends), (FILE, Ok(())));
    assert!(!asked.contains("range:"), "{asked}");
    let (bytes, ends, asked) = passed(7..12, answer(206, 5, &FILE[7..12])).await;
    assert_eq!((&bytes[..], ends), (&FILE[7..12], Ok(())));
    assert!(asked.contains("range: bytes=7-11\r\n"), "{asked}");
}

/// A keeper without ranges: a download that broke off never ended.
#[tokio::test]
async fn a_part_comes_also_from_who_knows_no_ranges() {
    for (range, part) in [(7..21, &FILE[7..]), (7..12, &FILE[7..12]), (20..21, &FILE[20..])] {
        let (bytes, ends, _) = passed(range, answer(200, 21, FILE)).await;
        assert_eq!((&bytes[..], ends), (part, Ok(())));
    }
}

#[tokio::test]
async fn a_changed_file_is_left_to_who_checks_it() {
    let mut other = FILE.to_vec();
    other[3] ^= 1;
    let (bytes, ends, _) = passed(0..21, answer(200, 21, &other)).await;
    assert_eq!((bytes, ends), (other, Ok(())));
}

#[tokio::test]
async fn a_file_of_another_size_is_never_passed_on() {
    let longer = [FILE, b"more"].concat();
    for (range, answer) in [
        (0..21, answer(200, 20, &FILE[..20])),
        (0..21, answer(200, 25, &longer)),
        (7..21, answer(206, 13, &FILE[8..])),
        (7..12, answer(206, 14, &FILE[7..])),
    ] {
        let (bytes, ends, _) = passed(range.clone(), answer).await;
        assert_eq!(ends, Err(DownloadError::Other), "{range:?}");
        assert!(bytes.is_empty(), "{range:?}: {bytes:?}");
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_or_is_not_there_says_so() {
    let (bytes, ends, _) = passed(0..21, answer(200, 21, &FILE[..9])).await;
    assert!(bytes.len() <= 9 && matches!(ends, Err(DownloadError::Unreachable(_))), "{ends:?}");
    for status in [204, 206, 302, 404, 416, 500] {
        let (_, ends, _) = passed(0..21, answer(status, 0, b"")).await;
        assert_eq!(ends, Err(DownloadError::Status(status)));
    }
    let (_, ends, _) = passed(7..21, answer(416, 0, b"")).await;
    assert_eq!(ends, Err(DownloadError::Status(416)));
}

#[tokio::test]
async fn a_file_on_a_forbidden_address_is_not_asked_for() {
    let client = Client::new(Guard::default()).unwrap();
    let ends = download(&client, request("http://127.0.0.1:1/file").unwrap(), 21, "", 0..21).await;
    assert!(matches!(ends.err(), Some(DownloadError::Unreachable(Unreachable::Refused(_)))));
    assert_eq!(request("no address").err(), Some(DownloadError::Other));
}

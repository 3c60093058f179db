use futures_util::TryStreamExt as _;

use super::*;

const DATA: &[u8] = b"twenty bytes of bytes";

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

fn folder() -> (tempfile::TempDir, Depot, Slug) {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::open(&Place::Folder(folder.path().join("packages"))).unwrap();
    (folder, depot, "atlas".parse().unwrap())
}

async fn all(reading: Reading) -> Vec<u8> {
    reading.stream.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

async fn kept(depot: &Depot) -> Vec<String> {
    depot.list().map_ok(|kept| kept.sha256).try_collect().await.unwrap()
}

#[tokio::test]
async fn what_was_put_is_read_whole_and_in_parts() {
    let (_folder, depot, product) = folder();
    let sha256 = digest(DATA);
    depot.put(&product, &sha256, DATA.len() as u64, DATA, |_| {}).await.unwrap();
    assert!(depot.has(&product, &sha256, DATA.len() as u64).await.unwrap());
    assert!(!depot.has(&product, &sha256, 3).await.unwrap(), "another size is another object");
    assert_eq!(all(depot.read(&product, &sha256, None).await.unwrap()).await, DATA);
    let part = depot.read(&product, &sha256, Some(7..12)).await.unwrap();
    assert_eq!((part.size, part.range.clone()), (DATA.len() as u64, 7..12));
    assert_eq!(all(part).await, &DATA[7..12]);
    let tail = depot.read(&product, &sha256, Some(15..u64::MAX)).await.unwrap();
    assert_eq!(all(tail).await, &DATA[15..]);
    let behind = depot.read(&product, &sha256, Some(21..30)).await.unwrap_err();
    assert_eq!(behind, DepotError::Range { size: 21 });
}

#[tokio::test]
async fn larger_than_one_part_is_the_same_bytes() {
    let (_folder, depot, product) = folder();
    let data: Vec<u8> = (0..=PART_BYTES * 2 + 5).map(|at| (at % 251) as u8).collect();
    let sha256 = digest(&data);
    let seen = std::sync::Mutex::new(Vec::new());
    depot.put(&product, &sha256, data.len() as u64, &data[..], |count| seen.lock().unwrap().push(count)).await.unwrap();
    assert_eq!(seen.into_inner().unwrap(), [PART_BYTES as u64, PART_BYTES as u64 * 2, data.len() as u64]);
    assert!(all(depot.read(&product, &sha256, None).await.unwrap()).await == data);
}

/// A file that grows, shrinks or changes between measuring and reading.
#[tokio::test]
async fn other_bytes_than_announced_leave_nothing() {
    let (folder, depot, product) = folder();
    let (sha256, size) = (digest(DATA), DATA.len() as u64);
    for bytes in [&DATA[1..], &[DATA, b"more"].concat(), b"twenty bytes of bytez"] {
        assert_eq!(depot.put(&product, &sha256, size, bytes, |_| {}).await, Err(DepotError::Changed));
    }
    assert_eq!(kept(&depot).await, [] as [&str; 0]);
    let missing = depot.read(&product, &sha256, None).await.unwrap_err();
    assert!(matches!(missing, DepotError::Missing { .. }), "{missing}");
    let left = std::fs::read_dir(folder.path().join("packages/atlas")).map(Iterator::count);
    assert_eq!(left.unwrap_or(0), 0, "no piece is left");
}

#[tokio::test]
async fn what_is_removed_is_gone_and_may_be_removed_again() {
    let (_folder, depot, product) = folder();
    depot.put(&product, &digest(DATA), DATA.len() as u64, DATA, |_| {}).await.unwrap();
    let found: Vec<Kept> = depot.list().try_collect().await.unwrap();
    assert_eq!((found.len(), found[0].product.as_str()), (1, "atlas"));
    depot.remove(&found[0]).await.unwrap();
    depot.remove(&found[0]).await.unwrap();
    assert_eq!(kept(&depot).await, [] as [&str; 0]);
}

#[test]
fn a_bucket_never_shows_its_keys() {
    let secret = |text: &str| text.to_owned().into();
    let bucket = Bucket {
        name: "shop".to_owned(),
        prefix: String::new(),
        endpoint: Some("https://obs.cn-north-4.myhuaweicloud.com".to_owned()),
        region: "cn-north-4".to_owned(),
        access_key: secret("CANARY-ID"),
        secret_key: secret("CANARY-KEY"),
    };
    let place = Place::Bucket(bucket);
    let shown = format!("{place:?} {:?}", Depot::open(&place).unwrap());
    assert!(shown.contains("shop") && !shown.contains("CANARY"), "{shown}");
}

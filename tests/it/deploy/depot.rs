//! The package store in a folder and in a bucket of moto, which plays S3: the same tests for both.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::TryStreamExt as _;
use rstest::rstest;
use sha2::{Digest, Sha256};
use signet::{
    base::slug::Slug,
    depot::{Bucket, Depot, DepotError, Kept, Place, Reading},
};
use tempfile::TempDir;

use super::ec2::moto::Moto;

const BUCKET: &str = "packages";

#[derive(Debug, Clone, Copy)]
enum Kind {
    Folder,
    Bucket,
}

/// A store; what it lives in ends with it.
struct Stand {
    depot: Depot,
    product: Slug,
    _folder: TempDir,
    _moto: Option<Moto>,
}

fn bucket(moto: &Moto, name: &str, secret_key: &str) -> Place {
    Place::Bucket(Bucket {
        name: name.to_owned(),
        prefix: "signet".to_owned(),
        endpoint: Some(format!("http://{}", moto.address)),
        region: super::ec2::REGION.to_owned(),
        access_key: moto.keeper.0.clone().into(),
        secret_key: secret_key.to_owned().into(),
    })
}

impl Stand {
    async fn of(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (place, moto) = match kind {
            Kind::Folder => (Place::Folder(folder.path().join("packages")), None),
            Kind::Bucket => {
                let moto = Moto::start_with_bucket(BUCKET).await;
                (bucket(&moto, BUCKET, &moto.keeper.1), Some(moto))
            }
        };
        let depot = Depot::open(&place).unwrap();
        Self { depot, product: "atlas".parse().unwrap(), _folder: folder, _moto: moto }
    }

    async fn put(&self, data: &[u8]) -> Result<String, DepotError> {
        let sha256 = digest(data);
        self.depot.put(&self.product, &sha256, data.len() as u64, data, |_| {}).await?;
        Ok(sha256)
    }
}

/// Three pieces of an upload: the smallest that S3 takes is 5 MiB, ours are 8.
fn data() -> Vec<u8> {
    (0..17 * 1024 * 1024).map(|at: u32| (at % 251) as u8).collect()
}

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

async fn all(reading: Reading) -> Vec<u8> {
    reading.stream.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

#[rstest]
#[case::folder(Kind::Folder)]
#[case::bucket(Kind::Bucket)]
#[tokio::test(flavor = "multi_thread")]
async fn depot_what_is_published_is_read_whole_in_parts_and_on_from_where_it_broke_off(#[case] kind: Kind) {
    let stand = Stand::of(kind).await;
    let (data, Stand { depot, product, .. }) = (data(), &stand);
    let sha256 = stand.put(&data).await.unwrap();
    let size = data.len() as u64;
    assert!(depot.has(product, &sha256, size).await.unwrap());
    assert!(!depot.has(product, &sha256, size - 1).await.unwrap(), "another size is another object");
    let part = depot.read(product, &sha256, Some(100..200)).await.unwrap();
    assert_eq!((part.size, part.range.clone()), (size, 100..200));
    assert_eq!(all(part).await, &data[100..200]);

    // A download that breaks off is taken up where it was.
    let mut broken = depot.read(product, &sha256, None).await.unwrap();
    let mut got = broken.stream.try_next().await.unwrap().unwrap().to_vec();
    drop(broken);
    assert!(!got.is_empty() && got.len() < data.len());
    let rest = depot.read(product, &sha256, Some(got.len() as u64..u64::MAX)).await.unwrap();
    got.extend(all(rest).await);
    assert!(got == data, "the same bytes");

    let behind = depot.read(product, &sha256, Some(size..size + 1)).await.unwrap_err();
    assert_eq!(behind, DepotError::Range { size });
    let missing = depot.read(product, &digest(b"other"), None).await.unwrap_err();
    assert!(matches!(missing, DepotError::Missing { .. }), "{missing}");
}

#[rstest]
#[case::folder(Kind::Folder)]
#[case::bucket(Kind::Bucket)]
#[tokio::test(flavor = "multi_thread")]
async fn depot_other_bytes_than_announced_leave_nothing_and_what_is_removed_is_gone(#[case] kind: Kind) {
    let stand = Stand::of(kind).await;
    let Stand { depot, product, .. } = &stand;
    let (data, sha256) = (b"twenty bytes of bytes".as_slice(), digest(b"something else"));
    let changed = depot.put(product, &sha256, data.len() as u64, data, |_| {}).await;
    assert_eq!(changed, Err(DepotError::Changed));
    let kept = || async { depot.list().try_collect::<Vec<Kept>>().await.unwrap() };
    assert_eq!(kept().await, []);
    let sha256 = stand.put(data).await.unwrap();
    let found = kept().await;
    assert_eq!((found.len(), &found[0].product[..], &found[0].sha256), (1, "atlas", &sha256));
    depot.remove(&found[0]).await.unwrap();
    depot.remove(&found[0]).await.unwrap();
    assert_eq!(kept().await, []);
}

/// What is wrong is said, and no key is shown.
#[tokio::test(flavor = "multi_thread")]
async fn depot_a_missing_bucket_and_a_wrong_secret_are_told() {
    let moto = Moto::start_with_bucket(BUCKET).await;
    let wrong = "canary-wrong-secret";
    for (place, says) in [
        (bucket(&moto, "nowhere", &moto.keeper.1), "NoSuchBucket"),
        (bucket(&moto, BUCKET, wrong), "SignatureDoesNotMatch"),
    ] {
        let depot = Depot::open(&place).unwrap();
        let data = b"bytes".as_slice();
        let refused = depot.put(&"atlas".parse().unwrap(), &digest(data), 5, data, |_| {}).await.unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, DepotError::Store { .. }), "{text}");
        assert!(text.contains(says) && text.contains("bucket"), "{text}");
        assert!(!text.contains(wrong) && !text.contains(&moto.keeper.1), "{text}");
    }
}

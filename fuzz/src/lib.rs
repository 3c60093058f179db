//! Hands broken input to our readers of what comes from outside. None may panic or hang, and what one accepts must
//! read back the same.
//!
//! * [`TARGETS`] names them; [`verify`], [`marketplace`], [`machines`], [`clouds`], [`doors`] and [`texts`] hold them with the good input they start from.
//! * [`driver`] breaks good input at random, by a seed that it prints: `make fuzz` for as long as one likes, a few
//!   thousand inputs each with every run of the tests.
//! * `fuzz_targets/guided.rs` is the same under cargo-fuzz.

pub mod clouds;
pub mod doors;
pub mod driver;
pub mod machines;
pub mod marketplace;
pub mod texts;
pub mod verify;

/// One reader.
#[derive(Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Reads; panics on a fault.
    pub run: fn(&[u8]),
    /// Good input to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Our readers of what customers, machines and marketplaces send, and of what clouds answer.
pub const TARGETS: &[Target] = &[
    Target { name: "jws", run: verify::jws, seeds: verify::documents },
    Target { name: "content", run: verify::content, seeds: verify::contents },
    Target { name: "bundle", run: verify::bundle, seeds: verify::bundles },
    Target { name: "request", run: verify::request, seeds: verify::requests },
    Target { name: "license_key", run: texts::license_key, seeds: texts::license_keys },
    Target { name: "signed_key", run: texts::signed_key, seeds: texts::signed_keys },
    Target { name: "jwks", run: texts::jwks, seeds: texts::key_sets },
    Target { name: "catalog", run: texts::catalog, seeds: texts::catalogs },
    Target { name: "query", run: marketplace::query, seeds: marketplace::queries },
    Target { name: "signature", run: marketplace::signature, seeds: marketplace::requests },
    Target { name: "inbound_v1", run: marketplace::inbound_v1, seeds: marketplace::queries },
    Target { name: "inbound_v2", run: marketplace::inbound_v2, seeds: marketplace::bodies },
    Target { name: "machine_key", run: machines::key, seeds: machines::keys },
    Target { name: "machine_log", run: machines::log_lines, seeds: machines::logs },
    Target { name: "forwarded_for", run: machines::forwarded_for, seeds: machines::hops },
    Target { name: "ec2_xml", run: clouds::ec2_xml, seeds: clouds::documents },
    Target { name: "huawei_refusal", run: clouds::huawei_refusal, seeds: clouds::refusals },
    Target { name: "link_token", run: doors::link_token, seeds: doors::tokens },
    Target { name: "cookie", run: doors::cookie, seeds: doors::cookies },
    Target { name: "reply", run: marketplace::reply, seeds: marketplace::replies },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The short form. Its seed is fixed, so that it fails for everybody or for nobody.
    #[test]
    fn no_broken_input_makes_a_reader_panic() {
        for target in TARGETS {
            let broken = driver::run(target, 2026, driver::Until::Inputs(2_000));
            assert!(broken.is_ok(), "{broken:?}");
        }
    }

    #[test]
    fn the_driver_finds_a_fault_and_says_how_to_find_it_again() {
        let fault = Target {
            name: "fault",
            run: |data| assert!(!data.windows(2).any(|pair| pair == b"\xFF\x00"), "found"),
            seeds: || vec![b"good".to_vec()],
        };
        let found = driver::run(&fault, 1, driver::Until::Inputs(100_000)).unwrap_err();
        assert_eq!(found, driver::run(&fault, 1, driver::Until::Inputs(100_000)).unwrap_err(), "by its seed");
        assert!(found.to_string().contains("--seed 1 fault"), "{found}");
        let slow = Target { run: |_| std::thread::sleep(driver::PATIENCE * 2), ..fault };
        assert!(driver::run(&slow, 1, driver::Until::Inputs(1)).is_err());
    }

    #[test]
    fn the_good_input_is_good() {
        for target in TARGETS {
            assert!(!(target.seeds)().is_empty(), "{}", target.name);
        }
        verify::all_good();
        texts::all_good();
        marketplace::all_good();
    }
}

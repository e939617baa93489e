use super::*;

const BUNDLE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

const FILES: [(&str, &str); 7] = [
    ("router-1.toml", "[node]\nname = \"router-1\"\n"),
    ("broken.toml", "[node]\nname = \n\n[mesh\n"),
    ("token", "6f1c0d3e\n"),
    ("two-lines", "6f1c0d3e\nmore\n"),
    ("bundle.pem", BUNDLE),
    ("key.pem", "-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n"),
    ("root.json", "{\"signed\": {}}"),
];

const WHOLE: &str = r#"
name = "router-1"
config = "router-1.toml"
join_token_file = "token"
trust_bundle_file = "bundle.pem"
update_root_file = "root.json"
uplink = { address = "192.0.2.7/24", gateway = "192.0.2.1", name_server = "9.9.9.9" }
"#;

fn parse(text: &str) -> Result<Provisioning, Vec<Fault>> {
    Provisioning::parse(text, &mut |path| {
        let file = FILES.iter().find(|(name, _)| *name == path);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "no such file".to_owned())
    })
}

fn check(text: &str, expected: &[&str]) {
    let faults = parse(text).err().unwrap_or_default();

    let told: Vec<_> = faults
        .iter()
        .map(|it| it.file.as_ref().map_or(it.to_string(), |file| format!("{file}:{it}")))
        .collect();
    assert_eq!(told, expected, "{text}");
}

#[test]
fn whole_file_makes_a_router_that_enrols_itself() {
    let read = parse(WHOLE).unwrap();

    let keep = read.keep().unwrap();
    let kept: Vec<_> = keep
        .files()
        .map(|(path, file)| (path, file.mode, str::from_utf8(&file.bytes).unwrap()))
        .collect();
    assert_eq!(
        kept,
        [
            ("hostname", 0o644, "router-1\n"),
            ("mesh-node/config.toml", 0o644, "[node]\nname = \"router-1\"\n"),
            ("mesh-node/update-root.json", 0o644, "{\"signed\": {}}"),
            ("spire/bundle.pem", 0o644, BUNDLE),
            ("spire/join_token", 0o600, "6f1c0d3e\n"),
            ("uplink", 0o644, "192.0.2.7/24 192.0.2.1 9.9.9.9\n"),
        ]
    );
    assert_eq!((read.holds_secret, read.secret_files), (false, vec!["token".to_owned()]));
}

#[test]
fn name_and_configuration_are_enough() {
    let read = parse("name = \"r\"\nconfig = '''\n[node]\n'''\n").unwrap();

    assert_eq!(read.provision.config, "[node]\n");
    assert_eq!(read.provision.uplink, Uplink::Dhcp);
    assert_eq!(read.provision.join_token, None);
}

#[test]
fn every_fault_is_told_at_once_and_in_place() {
    check(
        "nmae = \"r\"\nconfig = 7\nuplink = \"static\"\njoin_token = \"a b\"\n",
        &[
            "1:1: no such key, nmae; there are name, config, join_token, join_token_file, trust_bundle_file, update_root_file, uplink",
            "1:1: name: missing; for instance name = \"router-1\"",
            "2:10: config: expected a string, found a value of type integer",
            "3:10: uplink: expected \"dhcp\" or { address = \"192.0.2.7/24\", gateway = \"192.0.2.1\", name_server = \"192.0.2.1\" }",
            "4:14: join_token: expected one word as the server printed it",
            "4:14: trust_bundle_file: missing; a router shows its token to nobody whom it cannot verify",
        ],
    );
}

#[test]
fn names_are_one_dns_label() {
    check(
        "name = \"a.b\"\nconfig = \"router-1.toml\"\n",
        &["1:8: name: \"a.b\" is no host name: 1 to 63 letters, digits and inner hyphens"],
    );
}

#[test]
fn faults_in_the_configuration_have_its_file_and_line() {
    check(
        "name = \"r\"\nconfig = \"broken.toml\"\n",
        &[
            "broken.toml:2:8: this is not TOML: string values must be quoted, expected literal string",
            "broken.toml:4:6: this is not TOML: unclosed table, expected `]`",
        ],
    );
    check(
        "name = \"r\"\nconfig = '''\na = 1\nb =\n'''\n",
        &[
            "2:10: config: its line 2:4: this is not TOML: string values must be quoted, expected literal string",
        ],
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    check(
        "name = \"r\"\nconfig = \"gone.toml\"\njoin_token_file = \"gone\"\ntrust_bundle_file = \"bundle.pem\"\n",
        &[
            "2:10: config: gone.toml cannot be read: no such file",
            "3:19: join_token_file: gone cannot be read: no such file",
        ],
    );
}

#[test]
fn enrolment_needs_one_token_and_a_bundle() {
    let check_enrolment = |lines: &str, expected: &[&str]| {
        check(&format!("name = \"r\"\nconfig = \"router-1.toml\"\n{lines}"), expected);
    };

    check_enrolment(
        "join_token = \"6f\"\njoin_token_file = \"token\"\ntrust_bundle_file = \"bundle.pem\"",
        &["4:19: join_token_file: there is a join_token already"],
    );
    check_enrolment(
        "join_token_file = \"two-lines\"\ntrust_bundle_file = \"bundle.pem\"",
        &["3:19: join_token: expected one word as the server printed it"],
    );
    check_enrolment(
        "join_token_file = \"token\"",
        &[
            "3:19: trust_bundle_file: missing; a router shows its token to nobody whom it cannot verify",
        ],
    );
    check_enrolment(
        "trust_bundle_file = \"token\"",
        &["3:21: trust_bundle_file: token holds no certificate in PEM"],
    );
    check_enrolment(
        "trust_bundle_file = \"key.pem\"",
        &["3:21: trust_bundle_file: key.pem holds a private key, which no router needs"],
    );
    check_enrolment(
        "update_root_file = \"bundle.pem\"",
        &["3:20: update_root_file: bundle.pem is no JSON object"],
    );
}

#[test]
fn fixed_uplinks_are_checked_by_their_network() {
    let check_uplink = |table: &str, expected: &[&str]| {
        check(&format!("name = \"r\"\nconfig = \"router-1.toml\"\nuplink = {table}"), expected);
    };

    check_uplink(
        "{ address = \"192.0.2.7\", gateway = \"x\", dns = \"9.9.9.9\" }",
        &[
            "3:10: uplink.name_server: missing",
            "3:22: uplink.address: expected an IPv4 address and its network's bits, \"192.0.2.7/24\"",
            "3:45: uplink.gateway: expected an IPv4 address",
            "3:50: no such key, dns; there are address, gateway, name_server",
        ],
    );
    check_uplink(
        "{ address = \"192.0.2.7/24\", gateway = \"192.0.3.1\", name_server = \"9.9.9.9\" }",
        &["3:48: uplink.gateway: 192.0.3.1 is not in the network of 192.0.2.7/24"],
    );
    check_uplink(
        "{ address = \"192.0.2.7/33\", gateway = \"192.0.2.1\", name_server = \"9.9.9.9\" }",
        &[
            "3:22: uplink.address: expected an IPv4 address and its network's bits, \"192.0.2.7/24\"",
        ],
    );
}

#[test]
fn no_fault_and_no_log_shows_the_token() {
    let faults = parse("join_token = \"6f1c0d3e 9\"\njoin_token_file = 6\n").unwrap_err();
    let syntax = parse("name = \"r\"\njoin_token = \"6f1c0d3e\n").unwrap_err();
    let good = parse(&WHOLE.replace("join_token_file = \"token\"", "join_token = \"6f1c0d3e\""));

    let told = format!("{faults:?} {syntax:?} {good:?} {:?}", good.as_ref().unwrap().keep());
    assert!(good.unwrap().holds_secret);
    assert!(!told.contains("6f1c0d3e"), "{told}");
}

#[test]
fn more_than_the_keep_takes_is_refused() {
    let mut read = parse(WHOLE).unwrap();
    read.provision.config = format!("# {}", "x".repeat(600 << 10));

    assert!(matches!(read.keep(), Err(keep::Unfit::Size { .. })));
    read.provision.config.truncate(200 << 10);
    assert!(matches!(read.keep(), Err(keep::Unfit::Provisioned { .. })), "it is kept twice");
    read.provision.config.truncate(100 << 10);
    assert!(read.keep().is_ok());
}

proptest::proptest! {
    #[test]
    fn anything_may_be_in_the_file(text in "[a-z_=\"'{}.\\[\\]\n 0-9é]{0,200}") {
        let _ = parse(&text);
        let _ = parse(&format!("{WHOLE}{text}"));
    }
}

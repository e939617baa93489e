use super::*;

const LEAST: &str =
    "[mesh]\nhard_interfaces = [\"eth1\"]\n[identity]\nserver = \"10.0.2.2:8081\"\n";

fn check_faults(text: &str, expected: &[&str]) {
    let faults = Config::parse(text).unwrap_err();

    let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn the_least_configuration_is_two_keys() {
    let config = Config::parse(LEAST).unwrap();

    assert_eq!(config.mesh.wanted.mesh().as_str(), "bat0");
    assert_eq!(config.identity.agent.trust_domain.as_str(), "x0tta6bl4.mesh");
    assert_eq!(config.control.port.get(), 4660);
}

#[test]
fn the_example_is_a_configuration_and_says_the_defaults() {
    let as_shown = Config::parse(&example()).unwrap();
    let uncommented: String = example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let spelled_out = Config::parse(&uncommented).unwrap();

    let mut least = Config::parse(LEAST).unwrap();
    least.identity.agent.server = as_shown.identity.agent.server.clone();
    assert_eq!(as_shown, least);
    least.node.name = spelled_out.node.name.clone();
    least.control.allow = spelled_out.control.allow.clone();
    least.update.repository = spelled_out.update.repository.clone();
    least.update.bandwidth = spelled_out.update.bandwidth;
    least.update.hours = spelled_out.update.hours;
    // Its keys have no defaults of ours, and its own test.
    least.mesh.wanted = spelled_out.mesh.wanted.clone();
    assert_eq!(spelled_out, least, "a default in the example is not the default in the code");
}

#[test]
fn the_example_in_the_image_is_the_one_the_code_writes() {
    let committed = include_str!("../../../node/config.example.toml");

    assert_eq!(
        committed,
        example(),
        "write it anew: mesh-node example-config > node/config.example.toml"
    );
}

#[test]
fn all_faults_are_told_at_once_and_in_order() {
    check_faults(
        "[mesh]\nhard_interface = [\"eth1\"]\nalgorithm = \"BATMAN_VI\"\n\n[control]\nport = 70000\n",
        &[
            "1:1: mesh.hard_interfaces: missing; for instance hard_interfaces = [\"eth1\"]",
            "1:1: identity.server: missing; for instance server = \"spire.example:8081\"",
            "2:1: mesh: no such key, hard_interface; did you mean hard_interfaces?",
            "3:13: mesh.algorithm: expected \"BATMAN_IV\" or \"BATMAN_V\", found \"BATMAN_VI\"; did you mean BATMAN_V?",
            "6:8: control.port: expected a number from 1 to 65535, found 70000",
        ],
    );
}

#[test]
fn a_section_that_does_not_exist_is_refused() {
    check_faults(
        &format!("{LEAST}[contol]\nport = 1\n"),
        &["5:2: no such section, contol; did you mean control?"],
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    check_faults(
        &format!("{LEAST}[loop]\ninterval = 3\ndry_run = \"yes\"\n"),
        &[
            "6:12: loop.interval: expected a time of 100 ms to 1 h, such as \"500ms\", \"3s\" or \"2m\", found 3",
            "7:11: loop.dry_run: expected true or false, found \"yes\"",
        ],
    );
}

#[test]
fn a_section_that_is_no_section_is_refused() {
    let faults = Config::parse("mesh = 3\n").unwrap_err();

    assert!(faults.report("f").contains("f:1:8: mesh: expected a section, [mesh]"), "{faults:?}");
}

#[test]
fn broken_toml_says_where() {
    let faults = Config::parse(&format!("{LEAST}[log\nlevel = \"info\"\n")).unwrap_err();

    let first = faults.iter().next().unwrap();
    assert_eq!(first.line, 5, "{faults:?}");
    assert!(first.message.starts_with("this is not TOML"), "{faults:?}");
    check_faults("[mesh\n", &["1:6: this is not TOML: unclosed table, expected `]`"]);
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    check_faults(
        "[mesh]\ninterface = \"eth1\"\nhard_interfaces = [\"eth1\"]\n[identity]\nserver = \"a:1\"\n",
        &["3:19: mesh.hard_interfaces: mesh eth1 cannot be its own hard interface"],
    );
    check_faults(
        &format!("{LEAST}[control]\nkeep_alive = \"2s\"\n[loop]\ninterval = \"11s\"\n"),
        &[
            "1:1: control.session_timeout: 5s must be at least three times 2s, what it waits for",
            "8:12: loop.interval: at most 10s: time-outs are noticed at looks",
        ],
    );
}

#[test]
fn what_a_newer_firmware_wrote_is_overlooked_and_the_rest_counts() {
    let text = "schema = 2\n[mesh]\nhard_interfaces = [\"eth1\"]\nalgorithm = \"BATMAN_VI\"\ncolour = 3\n\
        [identity]\nserver = \"a:1\"\n[update]\nhours = \"always\"\ntries = 2\n[tariffs]\nday = 1\n";

    let config = Config::parse(text).unwrap();

    assert!(config.schema.is_newer());
    assert_eq!(config.mesh.wanted.hard_interfaces()[0].as_str(), "eth1");
    assert_eq!((config.update.tries.get(), config.update.hours), (2, None));
    let overlooked: Vec<String> = config.overlooked.iter().map(ToString::to_string).collect();
    assert_eq!(
        overlooked,
        [
            "11:2: no such section, tariffs",
            "5:1: mesh: no such key, colour",
            "4:13: mesh.algorithm: expected \"BATMAN_IV\" or \"BATMAN_V\", found \"BATMAN_VI\"; did you mean BATMAN_V?",
            "9:9: update.hours: expected a part of the day, UTC, such as \"01:00-05:30\", found \"always\"",
        ]
    );
}

#[test]
fn what_nothing_works_without_is_wanted_of_a_newer_file_too() {
    check_faults(
        "schema = 2\n[mesh]\nhard_interfaces = 7\n[identity]\nserver = \"a:1\"\n",
        &["3:19: mesh.hard_interfaces: expected a list that is not empty, found 7"],
    );
    check_faults(&format!("schema = 0\n{LEAST}"), &["1:10: schema: expected a number from 1"]);
}

#[test]
fn updates_know_their_hours_and_shares() {
    let update =
        |keys: &str| Config::parse(&format!("{LEAST}[update]\n{keys}\n")).ok().map(|it| it.update);
    let moment =
        |hour: u64| spire_bridge::identity::WallTime::from_unix(86_400 * 20_000 + hour * 3_600);

    let night = update("hours = \"23:00-05:00\"").unwrap().hours.unwrap();
    let day = update("hours = \"08:00-17:00\"").unwrap().hours.unwrap();
    assert_eq!([23, 4, 5, 12].map(|hour| night.contain(moment(hour))), [true, true, false, false]);
    assert_eq!([7, 8, 16, 17].map(|hour| day.contain(moment(hour))), [false, true, true, false]);
    let half = update("neighbour_share = 0.5").unwrap().neighbour_share;
    assert_eq!([0, 1, 3, 4].map(|whole| half.of(whole)), [0, 1, 2, 2]);
    for bad in [
        "neighbour_share = 1.5",
        "neighbour_share = -0.5",
        "hours = \"5-6\"",
        "tries = 0",
        "tries = 10",
        "repository = \"ftp://a\"",
        "hours = \"03:00-03:00\"",
        "deadline = \"5m\"",
    ] {
        assert_eq!(update(bad), None, "{bad}");
    }
}

#[test]
fn durations_know_their_units_and_bounds() {
    let interval = |text: &str| {
        Config::parse(&format!("[mesh]\nneighbour_timeout = \"{text}\"\n{}", &LEAST[7..]))
            .ok()
            .map(|c| c.mesh.neighbour_timeout)
    };

    let millis = |n| Some(std::time::Duration::from_millis(n));
    assert_eq!(interval("500ms"), millis(500));
    assert_eq!(interval("2m"), millis(120_000));
    for bad in ["", "3", "s", "-1s", "99ms", "2h", "99999999999999999999s"] {
        assert_eq!(interval(bad), None, "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]a-z_=\"0-9 .\n#é]{0,200}") {
        let _ = Config::parse(&text);
    }
}

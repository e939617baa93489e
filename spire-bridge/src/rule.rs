//! Which SPIFFE IDs may speak to this node: ordered patterns, as data.

use std::fmt;
use std::str::FromStr;

use spiffe::{SpiffeId, TrustDomain};

use crate::Refusal;

/// A pattern for SPIFFE IDs: a trust domain and a path in which `*` stands for one whole segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    trust_domain: TrustDomain,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exactly(String),
    Any,
}

/// Why a text is not a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// It does not start as a SPIFFE ID does.
    #[error("a rule starts with spiffe://, a trust domain and a path")]
    NoScheme,
    /// The trust domain is not one.
    #[error("{0:?} is not a trust domain")]
    TrustDomain(String),
    /// The path is empty or has an empty segment.
    #[error("the path of a rule has no empty segments")]
    EmptySegment,
    /// A star is only allowed as a whole segment, so that a rule says what it means.
    #[error("* stands for one whole segment, not for a part of {0:?}")]
    PartialStar(String),
}

impl Rule {
    /// The rule `spiffe://TRUST_DOMAIN/node/*`.
    pub fn any_node(trust_domain: &TrustDomain) -> Self {
        let segments = vec![Segment::Exactly("node".into()), Segment::Any];
        Self { trust_domain: trust_domain.clone(), segments }
    }

    /// Tells whether `id` fits the pattern.
    pub fn matches(&self, id: &SpiffeId) -> bool {
        if !id.is_member_of(&self.trust_domain) {
            return false;
        }
        let mut path = id.path().split('/').skip(1);
        let fits = self.segments.iter().all(|segment| match (segment, path.next()) {
            (Segment::Any, Some(_)) => true,
            (Segment::Exactly(wanted), Some(found)) => wanted == found,
            (_, None) => false,
        });
        fits && path.next().is_none()
    }
}

impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let rest = text.strip_prefix("spiffe://").ok_or(BadRule::NoScheme)?;
        let (domain, path) = rest.split_once('/').ok_or(BadRule::EmptySegment)?;
        let trust_domain =
            TrustDomain::new(domain).map_err(|_| BadRule::TrustDomain(domain.into()))?;
        let segments = path
            .split('/')
            .map(|segment| match segment {
                "" => Err(BadRule::EmptySegment),
                "*" => Ok(Segment::Any),
                part if part.contains('*') => Err(BadRule::PartialStar(part.into())),
                whole => Ok(Segment::Exactly(whole.into())),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { trust_domain, segments })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}", self.trust_domain.as_str())?;
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Any => write!(f, "/*"),
            Segment::Exactly(text) => write!(f, "/{text}"),
        })
    }
}

/// Lets `id` pass if any of the rules fits.
///
/// # Errors
/// [`Refusal::NotAllowed`] with the rules that were tried.
pub fn authorise(rules: &[Rule], id: &SpiffeId) -> Result<(), Refusal> {
    if rules.iter().any(|rule| rule.matches(id)) {
        return Ok(());
    }
    let tried: Vec<String> = rules.iter().map(ToString::to_string).collect();
    Err(Refusal::NotAllowed { id: id.clone(), rules: tried.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, id: &str, expected: bool) {
        let rule: Rule = rule.parse().unwrap();
        let id = SpiffeId::new(id).unwrap();

        assert_eq!(rule.matches(&id), expected, "{rule} against {id}");
    }

    #[test]
    fn a_star_stands_for_exactly_one_segment() {
        check("spiffe://m.mesh/node/*", "spiffe://m.mesh/node/alpha", true);
        check("spiffe://m.mesh/node/*", "spiffe://m.mesh/node/alpha/deep", false);
        check("spiffe://m.mesh/node/*", "spiffe://m.mesh/node", false);
        check("spiffe://m.mesh/node/*", "spiffe://m.mesh/workload/alpha", false);
        check("spiffe://m.mesh/node/alpha", "spiffe://m.mesh/node/alpha", true);
        check("spiffe://m.mesh/node/alpha", "spiffe://m.mesh/node/alphabet", false);
    }

    #[test]
    fn another_trust_domain_never_matches() {
        check("spiffe://m.mesh/node/*", "spiffe://other.mesh/node/alpha", false);
        check("spiffe://m.mesh/node/*", "spiffe://m.mesh.evil/node/alpha", false);
    }

    #[test]
    fn a_bad_rule_says_what_is_wrong() {
        let faults = [
            ("/node/*", BadRule::NoScheme),
            ("spiffe://m.mesh", BadRule::EmptySegment),
            ("spiffe://m.mesh/node//x", BadRule::EmptySegment),
            ("spiffe://m.mesh/node/al*", BadRule::PartialStar("al*".into())),
            ("spiffe://m mesh/node/*", BadRule::TrustDomain("m mesh".into())),
        ];

        for (text, fault) in faults {
            assert_eq!(text.parse::<Rule>(), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_rule_prints_as_it_was_written() {
        let text = "spiffe://m.mesh/node/*";

        assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
    }

    #[test]
    fn a_refusal_names_the_rules_that_were_tried() {
        let rules = [Rule::any_node(&TrustDomain::new("m.mesh").unwrap())];
        let id = SpiffeId::new("spiffe://m.mesh/workload/web").unwrap();

        let refusal = authorise(&rules, &id).unwrap_err();

        assert_eq!(
            refusal.to_string(),
            "spiffe://m.mesh/workload/web matches no rule (spiffe://m.mesh/node/*)"
        );
    }
}

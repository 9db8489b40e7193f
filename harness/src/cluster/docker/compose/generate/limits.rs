//! The user's limits of a service. They are written in one form, so that a fault can replace them and healing put them back.

use serde_json::Value;

use crate::cluster::docker::compose::resolved::Fields;

/// The period of a quota of processor time, in microseconds.
const PERIOD_US: f64 = 100_000.0;

/// Limits of a container that a fault may replace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes.
    pub(super) memory: Option<i64>,
    /// Microseconds of each period.
    pub(super) cpu_quota_us: Option<i64>,
}

/// Writes a service's limits as `mem_limit`, `cpu_quota` and `cpu_period`, wherever they were said, and returns them.
pub(super) fn unify(service: &mut Fields) -> Limits {
    let deployed = take_deployed(service);
    let of = |key: &str| deployed.get(key).cloned();
    let memory = service.get("mem_limit").cloned().or_else(|| of("memory"));
    let cpus = service.remove("cpus").or_else(|| of("cpus"));
    let memory = memory.as_ref().and_then(bytes).filter(|bytes| *bytes > 0);
    if let Some(bytes) = memory {
        service.insert("mem_limit".into(), bytes.into());
    }
    let quota = cpus
        .as_ref()
        .and_then(number)
        .filter(|cpus| *cpus > 0.0)
        .map(|cpus| (cpus * PERIOD_US) as i64);
    if let Some(quota) = quota {
        service.insert("cpu_quota".into(), quota.into());
        service.insert("cpu_period".into(), (PERIOD_US as i64).into());
    }
    Limits {
        memory,
        cpu_quota_us: quota.or_else(|| service.get("cpu_quota").and_then(number).map(|quota| quota as i64)),
    }
}

/// Takes `deploy.resources.limits` out, and leaves what a single container needs no more of: reservations, of devices say.
fn take_deployed(service: &mut Fields) -> Fields {
    let Some(Value::Object(mut deploy)) = service.remove("deploy") else {
        return Fields::new();
    };
    let Some(Value::Object(mut resources)) = deploy.remove("resources") else {
        return Fields::new();
    };
    let limits = match resources.remove("limits") {
        Some(Value::Object(limits)) => limits,
        _ => Fields::new(),
    };
    if !resources.is_empty() {
        service.insert("deploy".into(), serde_json::json!({ "resources": resources }));
    }
    limits
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A number of bytes, as Compose writes it: `536870912`, `"512m"`, `"1.5gb"`.
fn bytes(value: &Value) -> Option<i64> {
    let Some(text) = value.as_str() else {
        return value.as_i64();
    };
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    let count: f64 = digits.trim().parse().ok()?;
    Some((count * (1_i64 << shift) as f64) as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unified(service: Value) -> (Limits, Value) {
        let Value::Object(mut fields) = service else {
            panic!("a service")
        };
        let limits = unify(&mut fields);
        (limits, fields.into())
    }

    #[test]
    fn limits_are_the_same_wherever_and_however_they_are_said() {
        let expected = Limits {
            memory: Some(256 << 20),
            cpu_quota_us: Some(150_000),
        };
        let written = json!({ "mem_limit": 256 << 20, "cpu_quota": 150_000, "cpu_period": 100_000 });
        for said in [
            json!({ "mem_limit": "256m", "cpus": 1.5 }),
            json!({ "mem_limit": "268435456", "cpus": "1.5" }),
            json!({ "deploy": { "replicas": 2, "resources": { "limits": { "memory": "256M", "cpus": "1.5" } } } }),
            json!({ "mem_limit": 268_435_456, "deploy": { "resources": { "limits": { "cpus": 1.5 } } } }),
        ] {
            assert_eq!(unified(said), (expected, written.clone()));
        }
    }

    #[test]
    fn a_service_without_limits_has_none_and_devices_stay_reserved() {
        assert_eq!(
            unified(json!({ "image": "a" })),
            (Limits::default(), json!({ "image": "a" }))
        );
        let devices = json!({ "resources": { "reservations": { "devices": [{ "capabilities": ["gpu"] }] } } });
        let service = json!({ "deploy": { "restart_policy": {}, "resources": devices["resources"] } });
        assert_eq!(unified(service), (Limits::default(), json!({ "deploy": devices })));
    }

    #[test]
    fn units_are_powers_of_two_and_nonsense_is_no_limit() {
        let read = |text: &str| bytes(&json!(text));
        assert_eq!(
            (read("1.5gb"), read("7"), read("2K")),
            (Some(3 << 29), Some(7), Some(2048))
        );
        assert_eq!((read("lots"), read("1x"), read("")), (None, None, None));
    }
}

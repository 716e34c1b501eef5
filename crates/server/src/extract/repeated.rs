//! Lists that a client wrote as repeated parameters.

use std::borrow::Cow;

use url::form_urlencoded::{Serializer, parse};
use utoipa::IntoParams;
use utoipa::openapi::{RefOr, Schema};

/// `status=failed&status=canceled` as `status=failed,canceled`. The contract says commas, yet openapi-python-client, for
/// one, repeats whatever a document says. A parameter that is no list stays repeated, which is an error.
pub(crate) fn join<T: IntoParams>(query: &str) -> Cow<'_, str> {
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    let mut lists: Option<Vec<String>> = None;
    let mut has_joined = false;
    for (name, value) in parse(query.as_bytes()) {
        let before = pairs.iter_mut().find(|(known, _)| *known == name);
        match before {
            Some((_, values))
                if lists
                    .get_or_insert_with(list_names::<T>)
                    .iter()
                    .any(|list| *list == name) =>
            {
                let values = values.to_mut();
                values.push(',');
                values.push_str(&value);
                has_joined = true;
            }
            _ => pairs.push((name, value)),
        }
    }
    if has_joined {
        Cow::Owned(Serializer::new(String::new()).extend_pairs(pairs).finish())
    } else {
        Cow::Borrowed(query)
    }
}

fn list_names<T: IntoParams>() -> Vec<String> {
    let parameters = T::into_params(|| None).into_iter();
    let lists = parameters.filter(|parameter| matches!(parameter.schema, Some(RefOr::T(Schema::Array(_)))));
    lists.map(|parameter| parameter.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only described, never read.
    #[derive(IntoParams)]
    #[into_params(parameter_in = Query)]
    #[expect(dead_code, reason = "the test needs the names and kinds of the parameters only")]
    struct Parameters {
        status: Vec<String>,
        limit: i32,
    }

    #[test]
    fn only_lists_are_joined() {
        for (query, joined) in [
            ("", ""),
            ("status=a,b&limit=1", "status=a,b&limit=1"),
            ("status=a&limit=1&status=b%20c&status=d", "status=a%2Cb+c%2Cd&limit=1"),
            ("limit=1&limit=2", "limit=1&limit=2"),
            ("other=1&other=2", "other=1&other=2"),
            ("status=&status=", "status=%2C"),
        ] {
            assert_eq!(join::<Parameters>(query), joined, "{query}");
        }
    }
}

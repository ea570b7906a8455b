//! Names that somebody may have meant.

/// At most three of `known` that are close to `name`, the closest first.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let bound = (wanted.chars().count() / 3).max(2);
    let mut close: Vec<(usize, &str)> = known
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let far = if wanted.len() >= 3 && (other.contains(&wanted) || wanted.contains(&other)) {
                1
            } else {
                distance(&wanted, &other)
            };
            (far <= bound).then_some((far, candidate))
        })
        .collect();
    close.sort_unstable();
    close.dedup();
    close.truncate(3);
    close.into_iter().map(|(_, candidate)| candidate).collect()
}

/// `; did you mean a or b?`, or nothing.
pub fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known).as_slice() {
        [] => String::new(),
        close => format!("; did you mean {}?", close.join(" or ")),
    }
}

/// Insertions, deletions and substitutions from one text to the other (Levenshtein, 1965).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_come_first() {
        let known = [
            "flask-route",
            "flask-router",
            "express-route",
            "django-path",
        ];
        assert_eq!(
            nearest("flask-rout", known.into_iter()),
            ["flask-route", "flask-router"]
        );
        assert_eq!(
            hint("Django-Pth", known.into_iter()),
            "; did you mean django-path?"
        );
        assert_eq!(hint("zzz", known.into_iter()), "");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

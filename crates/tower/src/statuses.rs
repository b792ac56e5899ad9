//! A set of HTTP statuses.

/// One bit for each of 0 to 1023; statuses have three digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statuses([u64; 16]);

impl Statuses {
    pub(crate) fn contains(&self, status: u16) -> bool {
        self.0.get(usize::from(status / 64)).is_some_and(|word| word & (1 << (status % 64)) != 0)
    }
}

impl FromIterator<u16> for Statuses {
    fn from_iter<T: IntoIterator<Item = u16>>(statuses: T) -> Self {
        let mut set = Statuses([0; 16]);
        for status in statuses {
            if let Some(word) = set.0.get_mut(usize::from(status / 64)) {
                *word |= 1 << (status % 64);
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_given_and_nothing_else() {
        let set: Statuses = (500..=599).chain([404, 999, u16::MAX]).collect();
        let held: Vec<u16> = (0..=u16::MAX).filter(|status| set.contains(*status)).collect();
        assert_eq!(held, [404].into_iter().chain(500..=599).chain([999]).collect::<Vec<_>>());
    }
}

/// Whether a token is one of the shop's.
pub fn is_valid(token: &[u8]) -> bool {
    token.starts_with(b"Bearer ") && token.len() > 39
}

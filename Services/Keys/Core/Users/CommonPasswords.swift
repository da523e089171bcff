/// The passwords of at least 12 characters that lists of leaked ones have most often; shorter ones are refused anyway.
///
/// In lower case.
enum CommonPasswords {
  /// All of them.
  static let all: Set<String> = [
    "000000000000", "0123456789012", "012345678910", "0987654321098", "1029384756102",
    "111111222222", "112233445566", "123456789012", "1234567890123",
    "12345678901234", "123456789012345", "1234567890123456", "12345678910111", "123456789101112",
    "1234567891011", "123456789123", "123456789123456", "1234567891234567", "123456789abc",
    "123456789qwe", "1234567890qwerty", "1234qwerasdf", "1234qwerasdfzxcv", "123qweasdzxc",
    "123qwe123qwe", "135792468013", "147258369147", "147852369147", "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u", "1q2w3e4r5t6y7u8i", "1q2w3e4r5t6y7u8i9o", "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "1qazxsw23edc", "987654321012", "9876543210123",
    "abc123456789", "abcd12345678", "abcdefg12345", "abcdefgh1234", "abcdefghijkl",
    "abcdefghijklm", "admin1234567", "admin12345678", "admin123456789", "administrator",
    "administrator1", "administrator123", "asdfghjkl123", "asdfghjkl1234", "asdfghjkl;'\\",
    "asdfghjklqwe", "asdfghjklqwertyuiop", "asdfghjklzxcvbnm", "babygirl1234", "basketball12",
    "basketball123", "changeme1234", "changeme12345", "changemenow1", "charlie12345",
    "chocolate123", "christopher1", "computer1234", "correcthorsebatterystaple", "default12345",
    "dragon123456", "football1234", "football12345", "fuckyou12345", "hello1234567",
    "helloworld12", "helloworld123", "iloveyou1234", "iloveyou12345", "iloveyou123456",
    "iloveyouforever", "internet1234", "jennifer1234", "letmein12345", "letmein123456",
    "letmeinplease", "liverpool123", "master123456", "michael12345", "michelle1234",
    "monkey123456", "motherfucker", "myspace12345", "p@ssw0rd1234", "p@ssword1234",
    "password0123", "password1234", "password12345", "password123456", "password1234567",
    "password12345678", "password123456789", "password1234567890", "passwordpassword",
    "passw0rd1234", "pokemon12345", "princess1234", "princess12345", "q1w2e3r4t5y6",
    "q1w2e3r4t5y6u7i8", "qazwsxedc123", "qazwsxedcrfv", "qazwsxedcrfvtgb", "qwe123qwe123",
    "qweasdzxc123", "qweasdzxc1234", "qwer1234asdf", "qwer1234qwer", "qwerasdfzxcv", "qwerty098765",
    "qwerty123456", "qwerty1234567", "qwerty12345678", "qwerty123456789", "qwerty1234567890",
    "qwertyqwerty", "qwertyuiop12", "qwertyuiop123", "qwertyuiop1234", "qwertyuiop12345",
    "qwertyuiop[]", "qwertyuiopas", "qwertyuiopasdf", "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm", "secret123456", "spiderman123", "sunshine1234", "superman1234",
    "superman12345", "test12345678", "test123456789", "testtesttest", "thisisapassword",
    "trustno11234", "unbelievable", "welcome12345", "welcome123456", "welcome1234567",
    "whatever1234", "zaq12wsxcde3", "zaq1zaq1zaq1", "zxcvbnm12345", "zxcvbnm123456",
    "zxcvbnmasdfghjkl", "zxcvbnmasdfghjklqwertyuiop",
  ]
}

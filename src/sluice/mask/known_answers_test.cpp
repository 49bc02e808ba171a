// Known answers, the short ones that RFCs and specifications print.
#include <bit>
#include <random>

#include "sluice/mask/fernet.hpp"
#include "sluice/mask/ip_crypt.hpp"
#include "sluice/mask/primitives.hpp"

namespace sluice::mask {
namespace {

// https://doi.org/10.6028/NIST.FIPS.197, appendix C
TEST(aes, gives_the_answers_of_fips_197) {
  const std::string all = from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const std::string plain = from_hex("00112233445566778899aabbccddeeff");
  for (const auto& [size, cipher] : {std::pair(16U, "69c4e0d86a7b0430d8cdb78070b4c55a"),
                                     {24U, "dda97ca4864cdfe06eaf70a0ec0d7191"},
                                     {32U, "8ea2b7ca516745bfeafc49904b496089"}}) {
    for (const bool instructions : {true, false}) {
      AesBlocks aes(bytes_of(all).first(size), instructions);
      Block block;
      aes.encrypt(bytes_of(plain).data(), block.bytes, 1);
      EXPECT_EQ(to_hex({reinterpret_cast<const char*>(block.bytes), 16}), cipher);
      aes.decrypt(block.bytes, block.bytes, 1);
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(block.bytes), 16), plain);
    }
  }
}

TEST(aes, instructions_and_openssl_agree_on_any_number_of_blocks) {
  if (!has_aes_instructions()) GTEST_SKIP() << "SKIPPED LOUDLY: this processor has no AES instructions";
  std::mt19937_64 random(1);
  for (std::size_t blocks = 1; blocks < 40; ++blocks) {
    std::string key(blocks % 3 * 8 + 16, ' ');
    std::string in(blocks * 16, ' ');
    for (char& c : key) c = static_cast<char>(random());
    for (char& c : in) c = static_cast<char>(random());
    AesBlocks ours(bytes_of(key), true);
    AesBlocks theirs(bytes_of(key), false);
    std::vector<std::uint8_t> a(in.size());
    std::vector<std::uint8_t> b(in.size());
    ours.encrypt(bytes_of(in).data(), a.data(), blocks);
    theirs.encrypt(bytes_of(in).data(), b.data(), blocks);
    ASSERT_EQ(a, b) << blocks;
    ours.decrypt(a.data(), a.data(), blocks);
    theirs.decrypt(b.data(), b.data(), blocks);
    ASSERT_EQ(a, b) << blocks;
    ASSERT_EQ(std::string(a.begin(), a.end()), in);
  }
}

// https://www.rfc-editor.org/rfc/rfc5297, appendix A
TEST(aes_siv, gives_the_answers_of_rfc_5297) {
  expect_siv(from_hex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
             {from_hex("101112131415161718191a1b1c1d1e1f2021222324252627")}, from_hex("112233445566778899aabbccddee"),
             from_hex("85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"));
  expect_siv(from_hex("7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f"),
             {from_hex("00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100"),
              from_hex("102030405060708090a0"), from_hex("09f911029d74e35bd84156c5635688c0")},
             "this is some plaintext to encrypt using SIV-AES",
             from_hex("7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829"
                      "ea64ad544a272e9c485b62a3fd5c0d"));
}

TEST(aes_siv, no_component_and_one_empty_component_differ) {
  const std::string key(64, 'k');
  EXPECT_NE(siv_encrypt(key, {}, "value"), siv_encrypt(key, {""}, "value"));
}

TEST(aes_siv, every_length_comes_back_and_no_changed_bit_does) {
  const std::string key(64, 'k');
  std::string plain;
  for (int size = 0; size < 300; ++size, plain += static_cast<char>(size)) {
    std::string sealed = siv_encrypt(key, {}, plain);
    std::string back;
    ASSERT_TRUE(siv_decrypt(key, {}, sealed, back)) << size;
    ASSERT_EQ(back, plain);
    const std::size_t at = static_cast<std::size_t>(size * 7) % sealed.size();
    sealed[at] = static_cast<char>(sealed[at] ^ 1 << size % 8);
    ASSERT_FALSE(siv_decrypt(key, {}, sealed, back)) << size;
    ASSERT_EQ(back, "");
  }
}

// https://www.rfc-editor.org/rfc/rfc4493, section 4
TEST(aes_cmac, gives_the_answers_of_rfc_4493) {
  const std::string key = from_hex("2b7e151628aed2a6abf7158809cf4f3c");
  EXPECT_EQ(to_hex(cmac(key, "")), "bb1d6929e95937287fa37d129b756746");
  EXPECT_EQ(to_hex(cmac(key, from_hex("6bc1bee22e409f96e93d7e117393172a"))), "070a16b46b4d4144f79bdd9dd04a287c");
  EXPECT_EQ(
      to_hex(cmac(key, from_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"))),
      "dfa66747de9ae63030ca32611497c827");
}

// https://www.rfc-editor.org/rfc/rfc4231, section 4
TEST(hmac_sha256, gives_the_answers_of_rfc_4231) {
  EXPECT_EQ(to_hex(hmac(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// https://www.rfc-editor.org/rfc/rfc5869, appendix A
TEST(hkdf_sha256, gives_the_answers_of_rfc_5869) {
  EXPECT_EQ(to_hex(hkdf(std::string(22, '\x0b'), from_hex("000102030405060708090a0b0c"),
                        from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf(std::string(22, '\x0b'), "", "", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

// https://csrc.nist.gov/CSRC/media/Projects/Cryptographic-Standards-and-Guidelines/documents/examples/FF1samples.pdf
TEST(ff1, gives_the_answers_of_nist) {
  const std::string key = from_hex("2b7e151628aed2a6abf7158809cf4f3c");
  const std::string digits = "0123456789";
  const std::string base36 = "0123456789abcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(ff1(key, digits, "", "0123456789", true), "2433477484");
  EXPECT_EQ(ff1(key, digits, "9876543210", "0123456789", true), "6124200773");
  EXPECT_EQ(ff1(key, base36, from_hex("3737373770717273373737"), "0123456789abcdefghi", true), "a9tv40mll9kdu509eum");
  EXPECT_EQ(ff1(key, base36, from_hex("3737373770717273373737"), "a9tv40mll9kdu509eum", false), "0123456789abcdefghi");
}

TEST(ff1, every_length_comes_back_in_every_kind_of_radix) {
  std::mt19937_64 random(2);
  const std::string key(32, 'k');
  for (const unsigned radix : {2U, 3U, 10U, 16U, 36U, 62U, 64U, 128U, 255U, 256U}) {
    for (const char* tweak : {"", "a tweak of more than one block of AES"}) {
      Ff1 ff1(bytes_of(key), radix, tweak);
      for (std::size_t size = 2; size < 200; size += size < 70 ? 1 : 17) {
        std::vector<std::uint8_t> digits(size);
        for (auto& digit : digits) digit = static_cast<std::uint8_t>(random() % radix);
        auto changed = digits;
        ASSERT_TRUE(ff1.encrypt(changed));
        for (const auto digit : changed) ASSERT_LT(digit, radix);
        ASSERT_TRUE(ff1.decrypt(changed));
        ASSERT_EQ(changed, digits) << radix << ' ' << size;
      }
    }
  }
}

TEST(ff1, of_all_six_digit_numbers_is_a_permutation) {
  Ff1 ff1(bytes_of("0123456789abcdef"), 10, "");
  std::vector<bool> seen(1'000'000);
  for (unsigned number = 0; number < seen.size(); ++number) {
    std::uint8_t digits[6];
    unsigned rest = number;
    for (auto& digit : digits) {
      digit = static_cast<std::uint8_t>(rest % 10);
      rest /= 10;
    }
    ff1.encrypt(digits);
    std::size_t out = 0;
    for (const auto digit : digits) out = out * 10 + digit;
    ASSERT_FALSE(seen[out]) << number;
    seen[out] = true;
  }
}

TEST(ff1, refuses_one_digit_too_many_and_a_digit_above_the_radix) {
  Ff1 ff1(bytes_of("0123456789abcdef"), 10, "");
  std::vector<std::uint8_t> digits{1};
  EXPECT_FALSE(ff1.encrypt(digits));
  digits = {1, 10};
  EXPECT_FALSE(ff1.encrypt(digits));
  EXPECT_EQ(digits, (std::vector<std::uint8_t>{1, 10}));
  digits.assign(Ff1::length_max + 1, 1);
  EXPECT_FALSE(ff1.encrypt(digits));
}

IpBytes ip(std::string_view text) {
  IpBytes bytes;
  EXPECT_TRUE(parse_ip(text, bytes)) << text;
  return bytes;
}

// https://datatracker.ietf.org/doc/draft-denis-ipcrypt/, test vectors
TEST(ipcrypt, gives_the_answers_of_the_draft) {
  const std::string key = from_hex("0123456789abcdeffedcba9876543210");
  IpCrypt crypt(bytes_of(key).first<16>());
  IpBytes bytes = ip("0.0.0.0");
  crypt.encrypt(bytes);
  EXPECT_EQ(bytes, ip("bde9:6789:d353:824c:d7c6:f58a:6bd2:26eb"));
  crypt.decrypt(bytes);
  EXPECT_EQ(bytes, ip("0.0.0.0"));

  const std::string long_key = key + from_hex("1032547698badcfeefcdab8967452301");
  IpPrefixCrypt prefix(bytes_of(long_key).first<32>());
  bytes = ip("192.0.2.1");
  prefix.encrypt(bytes);
  EXPECT_EQ(bytes, ip("100.115.72.131"));
  prefix.decrypt(bytes);
  EXPECT_EQ(bytes, ip("192.0.2.1"));
}

// https://github.com/fernet/spec/blob/master/generate.json
TEST(fernet, gives_the_answer_of_the_specification) {
  const std::string key = from_hex("730ff4c7af3d46923e8ed451ee813c87f790b0a226bc96a92de49b5e9c05e1ee");
  const std::string iv = from_hex("000102030405060708090a0b0c0d0e0f");
  Fernet fernet(bytes_of(key).first<32>());
  std::string token;
  fernet.encrypt("hello", 499162800, bytes_of(iv).first<16>(), token);
  EXPECT_EQ(token,
            "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==");
  std::string plain;
  std::uint64_t time = 0;
  EXPECT_EQ(fernet.decrypt(token, plain, time), nullptr);
  EXPECT_EQ(plain, "hello");
  EXPECT_EQ(time, 499162800U);
}

}  // namespace
}  // namespace sluice::mask

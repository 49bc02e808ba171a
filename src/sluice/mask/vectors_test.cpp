// Known answers: short ones from the RFCs here, all others from the folder of published vectors.
#include <iostream>
#include <vector>

#include "sluice/mask/aes_siv.hpp"
#include "sluice/mask/fixture.hpp"
#include "sluice/mask/hmac_sha256.hpp"

namespace sluice::mask {
namespace {

using Json = nlohmann::json;

std::string bytes(const Json& hex) { return from_hex(hex.get_ref<const std::string&>()); }

std::string cmac(std::string_view key, std::string_view message) {
  AesCmac cmac(bytes_of(key));
  const Block block = cmac.mac(message);
  return {reinterpret_cast<const char*>(block.bytes), sizeof block.bytes};
}

std::string hmac(std::string_view key, std::string_view message) {
  std::array<std::uint8_t, HmacSha256::size> code;
  HmacSha256(bytes_of(key)).mac(message, code);
  return {reinterpret_cast<const char*>(code.data()), code.size()};
}

std::string hkdf(std::string_view key, std::string_view salt, std::string_view info, std::size_t size) {
  std::vector<std::uint8_t> out(size);
  hkdf_sha256(bytes_of(key), salt, info, out);
  return {out.begin(), out.end()};
}

void associate(AesSiv& siv, const std::vector<std::string>& components) {
  const std::vector<std::string_view> views(components.begin(), components.end());
  siv.associate(views);
}

std::string siv_encrypt(std::string_view key, const std::vector<std::string>& components, std::string_view plain) {
  AesSiv siv(bytes_of(key));
  associate(siv, components);
  std::string sealed(AesSiv::tag_size + plain.size(), '\0');
  siv.encrypt(plain, reinterpret_cast<std::uint8_t*>(sealed.data()));
  return sealed;
}

bool siv_decrypt(std::string_view key, const std::vector<std::string>& components, std::string_view sealed,
                 std::string& plain) {
  AesSiv siv(bytes_of(key));
  associate(siv, components);
  return siv.decrypt(sealed, plain);
}

void expect_siv(std::string_view key, const std::vector<std::string>& components, std::string_view plain,
                std::string_view sealed) {
  EXPECT_EQ(to_hex(siv_encrypt(key, components, plain)), to_hex(sealed));
  std::string back;
  EXPECT_TRUE(siv_decrypt(key, components, sealed, back));
  EXPECT_EQ(back, plain);
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

class published_vectors : public testing::Test {
 protected:
  void SetUp() override {
    if (vectors_folder().empty()) GTEST_SKIP() << "SKIPPED LOUDLY: shared/vectors not found; set SLUICE_SHARED";
  }
  static Json read(const std::string& name) {
    std::ifstream in(vectors_folder() / name);
    EXPECT_TRUE(in) << name;
    return Json::parse(in);
  }
  static void ran(const std::string& name, int count) { std::cout << name << ": " << count << " cases\n"; }
};

TEST_F(published_vectors, aes_siv) {
  for (const std::string name : {"rfc5297_aes_siv.json", "openssl_aes_siv_extra.json"}) {
    const Json file = read(name);
    int count = 0;
    for (const Json& test : file["tests"]) {
      std::vector<std::string> components;
      for (const Json& component : test["ad"]) components.push_back(bytes(component));
      expect_siv(bytes(test["key"]), components, bytes(test["plaintext"]),
                 bytes(test["siv"]) + bytes(test["ciphertext"]));
      ++count;
    }
    ran(name, count);
    EXPECT_GE(count, 2);
  }
}

TEST_F(published_vectors, wycheproof_aes_siv) {
  const Json file = read("wycheproof_aes_siv_cmac_test.json");
  int valid = 0;
  int invalid = 0;
  for (const Json& group : file["testGroups"]) {
    for (const Json& test : group["tests"]) {
      SCOPED_TRACE(test["tcId"].dump());
      if (test["result"] == "valid") {
        expect_siv(bytes(test["key"]), {bytes(test["aad"])}, bytes(test["msg"]), bytes(test["ct"]));
        ++valid;
      } else {
        std::string plain;
        EXPECT_FALSE(siv_decrypt(bytes(test["key"]), {bytes(test["aad"])}, bytes(test["ct"]), plain));
        ++invalid;
      }
    }
  }
  ran("wycheproof_aes_siv_cmac_test.json", valid + invalid);
  EXPECT_EQ(valid, 118);
  EXPECT_EQ(invalid, 324);
}

TEST_F(published_vectors, aes_cmac) {
  const Json rfc = read("rfc4493_aes_cmac.json");
  int count = 0;
  for (const Json& test : rfc["tests"]) {
    EXPECT_EQ(to_hex(cmac(bytes(rfc["key"]), bytes(test["msg"]))), test["mac"]);
    ++count;
  }
  ran("rfc4493_aes_cmac.json", count);
  EXPECT_EQ(count, 4);

  count = 0;
  const Json wycheproof = read("wycheproof_aes_cmac_test.json");
  for (const Json& group : wycheproof["testGroups"]) {
    for (const Json& test : group["tests"]) {
      SCOPED_TRACE(test["tcId"].dump());
      const std::string key = bytes(test["key"]);
      const bool right = AesBlocks::takes_key_of(key.size()) && cmac(key, bytes(test["msg"])) == bytes(test["tag"]);
      EXPECT_EQ(right, test["result"] == "valid");
      ++count;
    }
  }
  ran("wycheproof_aes_cmac_test.json", count);
  EXPECT_EQ(count, 311);
}

TEST_F(published_vectors, hmac_sha256) {
  const Json rfc = read("rfc4231_hmac_sha256.json");
  int count = 0;
  for (const Json& test : rfc["tests"]) {
    const std::string wanted = bytes(test["hmac_sha256"]);  // one of them is cut to 128 bits
    EXPECT_EQ(to_hex(hmac(bytes(test["key"]), bytes(test["data"])).substr(0, wanted.size())), to_hex(wanted));
    ++count;
  }
  ran("rfc4231_hmac_sha256.json", count);
  EXPECT_EQ(count, 7);

  count = 0;
  const Json wycheproof = read("wycheproof_hmac_sha256_test.json");
  for (const Json& group : wycheproof["testGroups"]) {
    const std::size_t size = group["tagSize"].get<std::size_t>() / 8;
    for (const Json& test : group["tests"]) {
      SCOPED_TRACE(test["tcId"].dump());
      const bool right = hmac(bytes(test["key"]), bytes(test["msg"])).substr(0, size) == bytes(test["tag"]);
      EXPECT_EQ(right, test["result"] == "valid");
      ++count;
    }
  }
  ran("wycheproof_hmac_sha256_test.json", count);
  EXPECT_EQ(count, 174);
}

TEST_F(published_vectors, hkdf_sha256) {
  const Json file = read("rfc5869_hkdf_sha256.json");
  int count = 0;
  for (const Json& test : file["tests"]) {
    EXPECT_EQ(to_hex(hmac(bytes(test["salt"]), bytes(test["ikm"]))), test["prk"]);
    EXPECT_EQ(to_hex(hkdf(bytes(test["ikm"]), bytes(test["salt"]), bytes(test["info"]), test["L"])), test["okm"]);
    ++count;
  }
  ran("rfc5869_hkdf_sha256.json", count);
  EXPECT_EQ(count, 3);
}

}  // namespace
}  // namespace sluice::mask

// Every file of the folder of published vectors, each by the code that its table row names. A file that is there
// without a row fails the test, and so does a row without its file.
#include <iostream>
#include <map>
#include <set>

#include "sluice/mask/primitives.hpp"
#include "sluice/mask/vectors.hpp"

namespace sluice::mask {
namespace {

int aes_siv(const Json& file) {
  int count = 0;
  for (const Json& test : file["tests"]) {
    std::vector<std::string> components;
    for (const Json& component : test["ad"]) components.push_back(hex_of(component));
    expect_siv(hex_of(test["key"]), components, hex_of(test["plaintext"]),
               hex_of(test["siv"]) + hex_of(test["ciphertext"]));
    ++count;
  }
  return count;
}

int wycheproof_aes_siv(const Json& file) {
  return each_wycheproof(file, [](const Json&, const Json& test, bool valid) {
    if (valid) return expect_siv(hex_of(test["key"]), {hex_of(test["aad"])}, hex_of(test["msg"]), hex_of(test["ct"]));
    std::string plain;
    EXPECT_FALSE(siv_decrypt(hex_of(test["key"]), {hex_of(test["aad"])}, hex_of(test["ct"]), plain));
  });
}

int rfc_cmac(const Json& file) {
  int count = 0;
  for (const Json& test : file["tests"]) {
    EXPECT_EQ(to_hex(cmac(hex_of(file["key"]), hex_of(test["msg"]))), test["mac"]);
    ++count;
  }
  return count;
}

int wycheproof_cmac(const Json& file) {
  return each_wycheproof(file, [](const Json&, const Json& test, bool valid) {
    const std::string key = hex_of(test["key"]);
    const bool right = AesBlocks::takes_key_of(key.size()) && cmac(key, hex_of(test["msg"])) == hex_of(test["tag"]);
    EXPECT_EQ(right, valid);
  });
}

int rfc_hmac(const Json& file) {
  int count = 0;
  for (const Json& test : file["tests"]) {
    const std::string wanted = hex_of(test["hmac_sha256"]);  // one of them is cut to 128 bits
    EXPECT_EQ(to_hex(hmac(hex_of(test["key"]), hex_of(test["data"])).substr(0, wanted.size())), to_hex(wanted));
    ++count;
  }
  return count;
}

int wycheproof_hmac(const Json& file) {
  return each_wycheproof(file, [](const Json& group, const Json& test, bool valid) {
    const std::size_t size = group["tagSize"].get<std::size_t>() / 8;
    EXPECT_EQ(hmac(hex_of(test["key"]), hex_of(test["msg"])).substr(0, size) == hex_of(test["tag"]), valid);
  });
}

int rfc_hkdf(const Json& file) {
  int count = 0;
  for (const Json& test : file["tests"]) {
    EXPECT_EQ(to_hex(hmac(hex_of(test["salt"]), hex_of(test["ikm"]))), test["prk"]);
    EXPECT_EQ(to_hex(hkdf(hex_of(test["ikm"]), hex_of(test["salt"]), hex_of(test["info"]), test["L"])), test["okm"]);
    ++count;
  }
  return count;
}

struct Row {
  int (*run)(const Json& file);  // gives how many cases it ran; nullptr: does not apply
  int cases;                     // how many it must be
  const char* why = "";          // it does not apply
};

const std::map<std::string, Row> rows{
    {"rfc5297_aes_siv.json", {&aes_siv, 2}},
    {"openssl_aes_siv_extra.json", {&aes_siv, 4}},
    {"wycheproof_aes_siv_cmac_test.json", {&wycheproof_aes_siv, 442}},
    {"rfc4493_aes_cmac.json", {&rfc_cmac, 4}},
    {"wycheproof_aes_cmac_test.json", {&wycheproof_cmac, 311}},
    {"rfc4231_hmac_sha256.json", {&rfc_hmac, 7}},
    {"wycheproof_hmac_sha256_test.json", {&wycheproof_hmac, 174}},
    {"rfc5869_hkdf_sha256.json", {&rfc_hkdf, 3}},
    {"nist_ff1_samples.json", {&nist_ff1, 9}},
    {"wycheproof_aes_ff1_base10_test.min.json", {&wycheproof_ff1, 3845}},
    {"wycheproof_aes_ff1_base16_test.min.json", {&wycheproof_ff1, 3872}},
    {"wycheproof_aes_ff1_base36_test.min.json", {&wycheproof_ff1, 2854}},
    {"wycheproof_aes_ff1_base62_test.min.json", {&wycheproof_ff1, 2474}},
    {"wycheproof_aes_ff1_radix256_test.min.json", {&wycheproof_ff1, 2021}},
    {"ipcrypt_test_vectors.json", {&ipcrypt, 26}},
    {"cryptopan_vectors.json", {&cryptopan, 144}},
    {"fernet/generate.json", {&fernet_generate, 1}},
    {"fernet/verify.json", {&fernet_verify, 1}},
    {"fernet/invalid.json", {&fernet_invalid, 8}},
    {"wycheproof_aes_gcm_siv_test.json",
     {nullptr, 0, "mask_seal is GCM under a key of its own; OpenSSL 3.0 has no GCM-SIV"}},
    {"blake3_test_vectors.json", {nullptr, 0, "no mask uses BLAKE3"}},
};

TEST(published_vectors, every_file_that_is_there_is_run) {
  const auto folder = vectors_folder();
  if (folder.empty()) GTEST_SKIP() << "SKIPPED LOUDLY: shared/vectors not found; set SLUICE_SHARED";
  std::set<std::string> there;
  int all = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = std::filesystem::relative(entry.path(), folder).string();
    // sigv4/ is for request signing, and its test stands there.
    if (!entry.is_regular_file() || name == "README.md" || name.starts_with("sigv4/")) continue;
    SCOPED_TRACE(name);
    there.insert(name);
    const auto row = rows.find(name);
    ASSERT_NE(row, rows.end()) << "a file of vectors that no code runs";
    if (row->second.run == nullptr) {
      std::cout << name << ": not run: " << row->second.why << '\n';
      continue;
    }
    std::ifstream in(entry.path());
    const int count = row->second.run(Json::parse(in));
    std::cout << name << ": " << count << " cases\n";
    EXPECT_EQ(count, row->second.cases);
    all += count;
  }
  std::cout << "in all: " << all << " cases\n";
  for (const auto& [name, row] : rows) EXPECT_TRUE(there.contains(name)) << name << " is not there";
}

}  // namespace
}  // namespace sluice::mask

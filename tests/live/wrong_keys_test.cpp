// Keyrings and tokens that are wrong, at the whole binary: one line that says what is wrong and what to do, the right
// exit code, no value, no key, nothing written.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "support/crash_points.hpp"
#include "support/process.hpp"

namespace sluice::live {
namespace {

namespace fs = std::filesystem;
using support::Ended;

constexpr const char* secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr const char* other = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0";

std::string key(const std::string& id, const std::string& status, const std::string& material) {
  return R"({"id": ")" + id + R"(", "status": ")" + status + R"(", "created": "2026-01-31T12:00:00Z", )" + material +
         "}";
}
std::string keyring(const std::string& keys) { return R"({"sluice_keyring": 1, "keys": [)" + keys + "]}"; }
std::string in_file(const char* hex) { return std::string(R"("secret": ")") + hex + '"'; }
std::string good_keyring() { return keyring(key("k1", "primary", in_file(secret))); }

class wrong_keys : public testing::Test {
 protected:
  void write(const std::string& text, mode_t mode = 0600) const {
    fs::remove(file());
    std::ofstream(file()) << text;
    ASSERT_EQ(chmod(file().c_str(), mode), 0);
  }
  std::string file() const { return folder_.path() / "keys.json"; }
  Ended run(std::vector<std::string> arguments,
            const std::map<std::string, std::optional<std::string>>& environment = {}) const {
    arguments.insert(arguments.begin(), SLUICE_BINARY);
    return support::run({arguments, environment, folder_.path().string()});
  }
  std::string token(const std::string& domain = "ip") const {
    const Ended ended = support::run(
        {{"/bin/sh", "-c", "echo 203.0.113.7 | " SLUICE_BINARY " mask --keys keys.json --domain " + domain},
         {},
         folder_.path().string()});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out.substr(0, ended.out.find('\n'));
  }
  static void expect_one_line(const Ended& ended, int code, const std::string& words) {
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_NE(ended.err.find(words), std::string::npos) << ended.err << "wanted: " << words;
    EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
    EXPECT_EQ(ended.out, "");
    for (const char* what : {"203.0.113", "0001020304", "fffefdfc", "AAECAwQF"})
      EXPECT_EQ(ended.err.find(what), std::string::npos) << ended.err;
  }
  // Whatever uses the keyring refuses it, and leaves the folder as it was.
  void not_used(const std::string& words,
                const std::map<std::string, std::optional<std::string>>& environment = {}) const {
    const auto before = listing();
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"keys", "check", "keys.json"},
          std::vector<std::string>{"mask", "--keys", "keys.json", "--domain", "ip"},
          std::vector<std::string>{"unmask", "keys.json", "--domain", "ip", "k1.AAAA"}}) {
      expect_one_line(run(arguments, environment), 2, words);
    }
    EXPECT_EQ(listing(), before);
  }
  // And whatever changes it.
  void refused(const std::string& words) const {
    not_used(words);
    const auto before = listing();
    expect_one_line(run({"keys", "add", "keys.json"}), 2, words);
    EXPECT_EQ(listing(), before);
  }
  std::vector<std::string> listing() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      std::ifstream in(entry.path());
      out.push_back(entry.path().filename().string() + std::string(std::istreambuf_iterator<char>(in), {}));
    }
    std::ranges::sort(out);
    return out;
  }
  void not_unmasked(const std::string& text, const std::string& words, int code,
                    const std::string& domain = "ip") const {
    expect_one_line(run({"unmask", "keys.json", "--domain", domain, text}), code, words);
  }

  support::TempFolder folder_{"wrong-keys"};
};

TEST_F(wrong_keys, files_that_are_no_keyring) {
  refused("sluice keys init keys.json");
  write(good_keyring(), 0644);
  refused("others may read or change it (mode 0644); chmod 600");
  write("keys");
  refused("not JSON");
  write(good_keyring().substr(0, 150));
  refused("cut off");
  write("");
  refused("is empty");
  write(keyring(key("k1", "primary", in_file(secret)) + "," + key("k2", "primary", in_file(other))));
  refused("2 have it");
  write(keyring(key("k1", "enabled", in_file(secret))));
  refused("0 have it");
}

TEST_F(wrong_keys, secrets_of_the_wrong_length_or_form) {
  write(keyring(key("k1", "primary", R"("secret": "00010203040506")")));
  refused("64 hex digits");
  write(keyring(key("k1", "primary", std::string(R"("secret": ")") + secret + "00\"")));
  refused("64 hex digits");
  write(keyring(key("k1", "primary", R"("material_env": "SLUICE_TEST_KEY")")));
  not_used("SLUICE_TEST_KEY is not set");
  not_used("holds 3 bytes instead of 32", {{"SLUICE_TEST_KEY", "AAEC"}});
  not_used("is not base64", {{"SLUICE_TEST_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh*="}});
  write(keyring(key("k1", "primary", R"("kms_key": "arn:aws:kms:eu-central-1:1:key/a")")));
  refused("\"wrapped\"");
  write(keyring(key("k1", "primary", in_file(secret) + R"(, "aws_secret": "a")")));
  refused("one of");
}

TEST_F(wrong_keys, tokens_that_are_changed_or_of_another_key_or_domain) {
  write(good_keyring());
  const std::string good = token();
  ASSERT_EQ(run({"unmask", "keys.json", "--domain", "ip", good}).out, "203.0.113.7\n");
  not_unmasked("k7" + good.substr(2), "k7", 2);
  not_unmasked(good, "mask_siv", 4, "device");
  not_unmasked(good.substr(0, 10) + "*" + good.substr(11), "token 1", 4);
  not_unmasked(good.substr(0, good.size() - 5), "token 1", 4);
  not_unmasked(good + "A", "token 1", 4);
  not_unmasked("", "token 1", 4);
  for (std::size_t at = 3; at < good.size(); at += 4) {
    std::string changed = good;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    not_unmasked(changed, "token 1", 4);
  }
}

// At each step of a change: the old keyring or the new one is there, whole, with one primary key.
TEST_F(wrong_keys, a_change_that_dies_anywhere_leaves_the_old_or_the_new_keyring) {
  SLUICE_NEEDS_CRASH_POINTS();
  for (const char* point : {"keys_copy_written", "keys_backed_up", "keys_draft_written", "keys_renamed"}) {
    write(keyring(key("k1", "primary", in_file(secret)) + "," + key("k2", "enabled", in_file(other))), 0400);
    const std::vector<std::string> before = listing();
    const Ended died = run({"keys", "promote", "keys.json", "k2"}, {{"SLUICE_CRASH_AT", point}});
    ASSERT_EQ(died.signal, 9) << died.err;
    const Ended listed = run({"keys", "list", "keys.json"});
    EXPECT_EQ(listed.code, 0) << point << listed.err;
    const bool renamed = std::string(point) == "keys_renamed";
    EXPECT_NE(run({"--json", "keys", "list", "keys.json"}).out.find(renamed ? "k2 is primary" : "k1 is primary"),
              std::string::npos)
        << point;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      struct stat facts {};
      ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
      EXPECT_EQ(facts.st_mode & 0777U, 0400U) << point << " " << entry.path();
    }
    EXPECT_EQ(run({"keys", "add", "keys.json"}).code, 0) << point;
    EXPECT_FALSE(fs::exists(file() + ".draft")) << point;
    EXPECT_FALSE(fs::exists(file() + ".bak.draft")) << point;
    fs::remove(file() + ".bak");
  }
}

TEST_F(wrong_keys, a_new_keyring_whose_maker_dies_is_not_there_or_whole) {
  SLUICE_NEEDS_CRASH_POINTS();
  const Ended died = run({"keys", "init", "keys.json"}, {{"SLUICE_CRASH_AT", "keys_new_written"}});
  ASSERT_EQ(died.signal, 9) << died.err;
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_EQ(run({"keys", "init", "keys.json"}).code, 0);
  EXPECT_EQ(run({"keys", "check", "keys.json"}).code, 0);
}

}  // namespace
}  // namespace sluice::live

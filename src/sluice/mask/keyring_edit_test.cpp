// Keyrings that change: keys added, promoted, disabled, and secrets that stand in the environment.
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "sluice/mask/fixture.hpp"

namespace sluice::mask {
namespace {

namespace fs = std::filesystem;

constexpr const char* variable = "SLUICE_TEST_KEY";

class keyring_change : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "sluice-keys-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = (folder_ / "keys.json").string();
    ASSERT_TRUE(Keyring::init(file_).has_value());
  }
  void TearDown() override {
    unsetenv(variable);
    fs::remove_all(folder_);
  }
  Keyring loaded() const {
    auto ring = Keyring::load(file_);
    if (!ring) {
      ADD_FAILURE() << ring.error().text();
      std::abort();
    }
    return std::move(*ring);
  }
  static std::string read(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static unsigned mode(const std::string& file) {
    struct stat facts {};
    return stat(file.c_str(), &facts) == 0 ? facts.st_mode & 07777U : 0;
  }
  std::string statuses() const {
    std::string out;
    const Keyring ring = loaded();
    for (const KeyFacts& key : ring.all()) out += key.id + " " + to_string(key.status) + "; ";
    return out;
  }
  void write(const std::string& text) {
    std::ofstream(file_) << text;
    ASSERT_EQ(chmod(file_.c_str(), 0600), 0);
  }
  std::string refusal() const {
    const auto ring = Keyring::load(file_);
    return ring ? "loaded" : ring.error().text();
  }
  static void expect_words(const std::string& text, std::string_view words) {
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }

  fs::path folder_;
  std::string file_;
};

TEST_F(keyring_change, an_added_key_is_enabled_and_the_others_stay_the_same) {
  const std::string before = loaded().check("k1");
  const auto added = Keyring::add(file_);
  ASSERT_TRUE(added.has_value()) << added.error().text();
  EXPECT_EQ(*added, "k2");
  EXPECT_EQ(statuses(), "k1 primary; k2 enabled; ");
  EXPECT_EQ(loaded().check("k1"), before);
  EXPECT_NE(loaded().check("k2"), before);
}

TEST_F(keyring_change, keeps_mode_and_a_copy_of_what_was_before) {
  const std::string before = read(file_);
  ASSERT_EQ(chmod(file_.c_str(), 0400), 0);
  ASSERT_TRUE(Keyring::add(file_).has_value());
  EXPECT_EQ(mode(file_), 0400U);
  EXPECT_EQ(mode(file_ + ".bak"), 0400U);
  EXPECT_EQ(read(file_ + ".bak"), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2) << "a draft was left behind";
}

TEST_F(keyring_change, promotion_leaves_the_old_key_enabled) {
  ASSERT_TRUE(Keyring::add(file_).has_value());
  ASSERT_TRUE(Keyring::promote(file_, "k2").has_value());
  EXPECT_EQ(statuses(), "k1 enabled; k2 primary; ");
  EXPECT_EQ(loaded().primary_id(), "k2");
  EXPECT_EQ(loaded().masking_ids(), (std::vector<std::string>{"k2", "k1"}));
}

TEST_F(keyring_change, the_primary_key_cannot_be_disabled_nor_a_disabled_one_promoted) {
  ASSERT_TRUE(Keyring::add(file_).has_value());
  expect_words(Keyring::set_status(file_, "k1", KeyStatus::disabled).error().text(), "primary");
  ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::disabled).has_value());
  expect_words(Keyring::promote(file_, "k2").error().text(), "sluice keys enable");
  expect_words(Keyring::promote(file_, "k9").error().text(), "no key 'k9'");
  EXPECT_EQ(statuses(), "k1 primary; k2 disabled; ");
}

TEST_F(keyring_change, a_disabled_key_keeps_its_secret_and_its_id_is_not_given_again) {
  ASSERT_TRUE(Keyring::add(file_).has_value());
  const std::string check = loaded().check("k2");
  ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::disabled).has_value());
  EXPECT_FALSE(loaded().has("k2"));
  EXPECT_EQ(loaded().find("k2")->check, check);
  EXPECT_EQ(*Keyring::add(file_), "k3");
  ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::enabled).has_value());
  EXPECT_EQ(loaded().check("k2"), check);
}

TEST_F(keyring_change, each_status_allows_what_it_says) {
  const std::string token = [] {
    std::string out;
    const Keyring ring = keyring("primary", "enabled");
    EXPECT_EQ(make("mask_siv", ring, {"d"}, "k2")->mask("v", out), nullptr);
    return out;
  }();
  const auto kind = *find_mask("mask_siv");
  const auto masks = [&](const Keyring& ring) {
    const auto made = make_mask(*kind, &ring, {"d"}, "k2");
    return made ? "masks" : made.error().text();
  };
  const auto reads = [&](const Keyring& ring) {
    const auto value = Unmasker::open(*kind, &ring, {"d"})->unmask(token);
    return value ? "reads" : value.error().text();
  };
  const Keyring enabled = keyring("primary", "enabled");
  EXPECT_EQ(masks(enabled), "masks");
  EXPECT_EQ(reads(enabled), "reads");
  const Keyring reading = keyring("primary", "decrypt-only");
  expect_words(masks(reading), "decrypt-only");
  EXPECT_EQ(reads(reading), "reads");
  EXPECT_EQ(reading.masking_ids(), std::vector<std::string>{"k1"});
  const Keyring disabled = keyring("primary", "disabled");
  expect_words(masks(disabled), "key 'k2' is disabled");
  expect_words(reads(disabled), "key 'k2' is disabled");
}

TEST_F(keyring_change, made_by_many_at_once_is_made_by_each) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([this] { EXPECT_TRUE(Keyring::add(file_).has_value()); });
  }
  EXPECT_EQ(loaded().all().size(), 9U);
}

TEST_F(keyring_change, goes_through_a_link_and_leaves_it) {
  const std::string link = (folder_ / "link.json").string();
  fs::create_symlink("keys.json", link);
  ASSERT_TRUE(Keyring::add(link).has_value());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(statuses(), "k1 primary; k2 enabled; ");
}

TEST_F(keyring_change, a_key_from_the_environment_is_the_same_in_hex_and_in_base64) {
  const std::string text =
      R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": "primary", "created": "2026-01-31T12:00:00Z",
      "material_env": "SLUICE_TEST_KEY"}]})";
  const std::string expected = keyring().check("k1");
  for (const char* value :
       {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}) {
    setenv(variable, value, 1);
    const auto ring = Keyring::from_json(text, "test");
    ASSERT_TRUE(ring.has_value()) << ring.error().text();
    EXPECT_EQ(ring->check("k1"), expected);
  }
}

TEST_F(keyring_change, a_variable_that_is_no_key_is_refused_with_the_reason_and_without_its_value) {
  setenv(variable, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
  ASSERT_TRUE(Keyring::add(file_, {.material_env = variable}).has_value());
  EXPECT_EQ(loaded().find("k2")->material_env, variable);
  EXPECT_EQ(read(file_).find("AAECAw"), std::string::npos);
  expect_words(Keyring::add(file_, {.material_env = variable}).error().text(), "holds the secret of key k2");
  expect_words(Keyring::add(file_, {.material_env = "no name"}).error().text(), "no name of an environment variable");
  const std::pair<const char*, const char*> wrong[] = {
      {"", "is empty"},
      {"AAEC", "holds 3 bytes instead of 32"},
      {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8==", "is not base64"},
      {"AAECAwQFBgcICQoLDA0O DxAREhMUFRYXGBkaGxwdHh8", "is not base64"},
      {"not!base64", "is not base64"}};
  for (const auto& [value, words] : wrong) {
    setenv(variable, value, 1);
    expect_words(refusal(), words);
    expect_words(refusal(), variable);
    EXPECT_TRUE(*value == '\0' || refusal().find(value) == std::string::npos);
  }
  unsetenv(variable);
  expect_words(refusal(), "is not set");
}

TEST_F(keyring_change, a_key_that_lost_its_variable_is_looked_at_disabled_and_replaced_without_it) {
  setenv(variable, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
  ASSERT_TRUE(Keyring::add(file_, {.material_env = variable}).has_value());
  ASSERT_TRUE(Keyring::add(file_).has_value());
  const std::string k3 = loaded().check("k3");
  for (const char* value : {static_cast<const char*>(nullptr), "AAEC"}) {
    value == nullptr ? unsetenv(variable) : setenv(variable, value, 1);
    expect_words(refusal(), variable);
    expect_words(refusal(), "where it is lost: sluice keys disable " + file_ + " k2");
    const auto looked = Keyring::look(file_);
    ASSERT_TRUE(looked.has_value()) << looked.error().text();
    EXPECT_EQ((*looked)[1].check, "");
    EXPECT_EQ((*looked)[2].check, k3);
    expect_words(Keyring::promote(file_, "k2").error().text(), variable);
    ASSERT_TRUE(Keyring::promote(file_, "k3").has_value());
    ASSERT_TRUE(Keyring::promote(file_, "k1").has_value());
    ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::disabled).has_value());
    EXPECT_EQ(statuses(), "k1 primary; k2 disabled; k3 enabled; ");
    setenv(variable, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
    ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::enabled).has_value());
  }
  // The primary one, too: a random key takes its place, but no given one, which might be the same.
  ASSERT_TRUE(Keyring::promote(file_, "k2").has_value());
  ASSERT_TRUE(Keyring::set_status(file_, "k3", KeyStatus::disabled).has_value());
  unsetenv(variable);
  expect_words(refusal(), "where it is lost: sluice keys add " + file_ + ", promote the new key");
  const char* second = "SLUICE_TEST_KEY_2";
  setenv(second, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
  expect_words(Keyring::add(file_, {.material_env = second}).error().text(), "SLUICE_TEST_KEY is not set");
  unsetenv(second);
  expect_words(Keyring::set_status(file_, "k3", KeyStatus::enabled).error().text(), "SLUICE_TEST_KEY is not set");
  ASSERT_TRUE(Keyring::add(file_).has_value());
  ASSERT_TRUE(Keyring::promote(file_, "k4").has_value());
  ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::disabled).has_value());
  EXPECT_EQ(statuses(), "k1 enabled; k2 disabled; k3 disabled; k4 primary; ");
}

TEST_F(keyring_change, a_disabled_key_may_have_lost_its_variable_and_cannot_come_back_without) {
  setenv(variable, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 1);
  ASSERT_TRUE(Keyring::add(file_, {.material_env = variable}).has_value());
  ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::disabled).has_value());
  unsetenv(variable);
  EXPECT_EQ(statuses(), "k1 primary; k2 disabled; ");
  expect_words(Keyring::set_status(file_, "k2", KeyStatus::enabled).error().text(), "is not set");
  EXPECT_EQ(*Keyring::add(file_), "k3");
  EXPECT_EQ(loaded().find("k2")->material_env, variable);
}

// Holds one secret, 00 01 ... 1f, wrapped or as text; counts how often it was asked, and refuses when told to.
class FakeVault final : public KeyVault {
 public:
  Result<std::size_t> read(const KeyFacts&, std::span<char> out) override {
    SLUICE_CHECK(asked());
    constexpr std::string_view text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    std::ranges::copy(text, out.begin());
    return text.size();
  }
  Result<void> make(KeyFacts& key, std::span<std::uint8_t> out) override {
    key.kms_key = "arn:aws:kms:eu-central-1:111122223333:key/a";
    key.wrapped = "d3JhcHBlZA==";
    return unwrap(key, out);
  }
  Result<void> unwrap(const KeyFacts&, std::span<std::uint8_t> out) override {
    SLUICE_CHECK(asked());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i);
    return {};
  }

  int calls = 0;
  bool refuses = false;

 private:
  Result<void> asked() {
    ++calls;
    if (refuses) return fail(Fault::denied, "refused", "allow it");
    return {};
  }
};

TEST_F(keyring_change, a_secret_elsewhere_is_asked_for_when_it_is_used_and_only_then) {
  for (const NewKey& place : {NewKey{.aws_secret = "team/key"}, NewKey{.kms_key = "alias/sluice"}}) {
    ASSERT_EQ(std::remove(file_.c_str()), 0);
    ASSERT_TRUE(Keyring::init(file_).has_value());
    FakeVault vault;
    ASSERT_TRUE(Keyring::add(file_, place, &vault).has_value());
    EXPECT_EQ(vault.calls, 1);
    const auto ring = Keyring::load(file_, &vault);
    ASSERT_TRUE(ring.has_value()) << ring.error().text();
    EXPECT_EQ(vault.calls, 2);
    EXPECT_EQ(ring->check("k2"), keyring().check("k1"));
    EXPECT_EQ(read(file_).find("AAECAw"), std::string::npos);

    vault.refuses = true;
    expect_words(Keyring::load(file_, &vault).error().text(), "key k2: refused; allow it");
    expect_words(Keyring::load(file_).error().text(), "which is not asked here");
    expect_words(Keyring::promote(file_, "k2", &vault).error().text(), "refused");
    const auto looked = Keyring::look(file_);
    ASSERT_TRUE(looked.has_value());
    EXPECT_EQ((*looked)[1].check, keyring().check("k1"));
    ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::disabled, &vault).has_value());
    vault.calls = 0;
    EXPECT_TRUE(Keyring::load(file_, &vault).has_value());
    EXPECT_EQ(vault.calls, 0);
    expect_words(Keyring::set_status(file_, "k2", KeyStatus::enabled, &vault).error().text(), "refused");
    vault.refuses = false;
    ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::enabled, &vault).has_value());
    ASSERT_TRUE(Keyring::promote(file_, "k2", &vault).has_value());
    EXPECT_EQ(Keyring::load(file_, &vault)->primary_id(), "k2");
  }
}

TEST_F(keyring_change, a_secret_is_that_of_one_key) {
  const char* secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  const char* second = "SLUICE_TEST_KEY_2";
  setenv(variable, secret, 1);
  setenv(second, secret, 1);
  ASSERT_TRUE(Keyring::add(file_, {.material_env = variable}).has_value());
  for (const NewKey& same : {NewKey{.material_env = second}, NewKey{.material_env = second, .fernet_domain = "d"}}) {
    const auto refused = Keyring::add(file_, same);
    ASSERT_FALSE(refused.has_value());
    expect_words(refused.error().text(), "SLUICE_TEST_KEY_2 holds the secret of key k2");
    EXPECT_EQ(refused.error().text().find("AAEC"), std::string::npos);
  }
  // One that cannot be read now cannot be compared, until it is used again.
  ASSERT_TRUE(Keyring::set_status(file_, "k2", KeyStatus::disabled).has_value());
  unsetenv(variable);
  ASSERT_TRUE(Keyring::add(file_, {.material_env = second}).has_value());
  setenv(variable, secret, 1);
  expect_words(Keyring::set_status(file_, "k2", KeyStatus::enabled).error().text(),
               "key k2 holds the secret of key k3");
  unsetenv(variable);
  unsetenv(second);
  // Nor one in AWS that nobody has read yet, but by its name.
  write(R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": "primary", "created": "2026-01-31T12:00:00Z",
      "aws_secret": "team/key"}]})");
  FakeVault vault;
  expect_words(Keyring::add(file_, {.aws_secret = "team/key"}, &vault).error().text(), "holds the secret of key k1");
}

TEST_F(keyring_change, a_secret_where_a_name_belongs_is_refused_and_not_repeated) {
  for (const std::string text : {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                                 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}) {
    FakeVault vault;
    for (const NewKey& place : {NewKey{.aws_secret = text}, NewKey{.kms_key = text}}) {
      const auto added = Keyring::add(file_, place, &vault);
      ASSERT_FALSE(added.has_value());
      EXPECT_EQ(added.error().text().find(text), std::string::npos);
    }
    EXPECT_EQ(vault.calls, 0);
    write(R"({"sluice_keyring": 1, "keys": [{"id": "k7", "status": "primary", "created": "2026-01-31T12:00:00Z",
        "aws_secret": ")" +
          text + "\"}]}");
    expect_words(refusal(), "key k7: \"aws_secret\" must be the name or ARN");
    EXPECT_EQ(refusal().find(text), std::string::npos);
  }
  write(R"({"sluice_keyring": 1, "keys": [{"id": "k7", "status": "primary", "created": "2026-01-31T12:00:00Z",
      "kms_key": "hunter2-hunter2", "wrapped": "AAEC"}]})");
  expect_words(refusal(), "key k7: \"kms_key\" must be the ARN");
  EXPECT_EQ(refusal().find("hunter2"), std::string::npos);
}

TEST_F(keyring_change, a_key_has_one_secret) {
  write(R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": "primary", "created": "2026-01-31T12:00:00Z"}]})");
  expect_words(refusal(), "one of \"secret\", \"material_env\"");
  write(R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": "primary", "created": "2026-01-31T12:00:00Z",
      "material_env": 5}]})");
  expect_words(refusal(), "must be the name of an environment variable");
}

}  // namespace
}  // namespace sluice::mask

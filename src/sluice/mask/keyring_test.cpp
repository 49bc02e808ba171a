#include "sluice/mask/keyring.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <sstream>
#include <thread>

#include "sluice/mask/fixture.hpp"
#include "sluice/mask/harden.hpp"

namespace sluice::mask {
namespace {

namespace fs = std::filesystem;

// A folder that goes with the test.
class keyring_file : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "sluice-keyring-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = (folder_ / "keys.json").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(std::string_view text, mode_t mode = 0600) {
    std::ofstream(file_, std::ios::binary) << text;
    ASSERT_EQ(chmod(file_.c_str(), mode), 0);
  }
  // What loading the file says; it must name the file and something to do.
  std::string refusal() {
    const auto loaded = Keyring::load(file_);
    if (loaded) return "it was loaded";
    EXPECT_EQ(static_cast<int>(loaded.error().fault), static_cast<int>(Fault::config));
    EXPECT_NE(loaded.error().message.find(file_), std::string::npos) << loaded.error().text();
    EXPECT_NE(loaded.error().hint, "") << loaded.error().text();
    return loaded.error().text();
  }
  static void expect_words(const std::string& text, std::string_view words) {
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }

  fs::path folder_;
  std::string file_;
};

TEST_F(keyring_file, a_new_one_is_private_and_loads) {
  ASSERT_TRUE(Keyring::init(file_).has_value());
  struct stat facts {};
  ASSERT_EQ(stat(file_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
  const auto loaded = Keyring::load(file_);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
  EXPECT_EQ(loaded->primary_id(), "k1");
  EXPECT_EQ(loaded->ids(), std::vector<std::string>{"k1"});
  EXPECT_TRUE(loaded->has("k1"));
  EXPECT_FALSE(loaded->has("k2"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1) << "a draft was left behind";
}

TEST_F(keyring_file, two_new_ones_differ) {
  const std::string other = file_ + "2";
  ASSERT_TRUE(Keyring::init(file_).has_value());
  ASSERT_TRUE(Keyring::init(other).has_value());
  EXPECT_NE(Keyring::load(file_)->check("k1"), Keyring::load(other)->check("k1"));
}

TEST_F(keyring_file, nothing_is_overwritten) {
  write("precious");
  const auto made = Keyring::init(file_);
  ASSERT_FALSE(made.has_value());
  expect_words(made.error().text(), "not overwritten");
  std::ifstream in(file_);
  std::string text;
  in >> text;
  EXPECT_EQ(text, "precious");
  // Nor is a link followed to where no file is.
  const std::string link = file_ + ".link";
  fs::create_symlink(folder_ / "elsewhere", link);
  EXPECT_FALSE(Keyring::init(link).has_value());
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

TEST_F(keyring_file, made_by_many_at_once_is_that_of_one) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> made{0};
    std::atomic<bool> start{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        while (!start) std::this_thread::yield();
        if (Keyring::init(file_)) ++made;
      });
    }
    start = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(made, 1);
    EXPECT_TRUE(Keyring::load(file_).has_value());
    fs::remove(file_);
  }
}

TEST_F(keyring_file, cannot_be_made_where_there_is_no_folder) {
  const auto made = Keyring::init((folder_ / "none" / "keys.json").string());
  ASSERT_FALSE(made.has_value());
  expect_words(made.error().text(), "No such file or directory");
}

TEST_F(keyring_file, that_is_missing_says_how_to_make_one) { expect_words(refusal(), "sluice keys init " + file_); }

TEST_F(keyring_file, that_others_may_read_is_refused) {
  for (const mode_t mode : {0644U, 0640U, 0604U, 0620U, 0601U, 0666U}) {
    write(keyring_json(), mode);
    expect_words(refusal(), "chmod 600 " + file_);
  }
  for (const mode_t mode : {0600U, 0400U}) {
    write(keyring_json(), mode);
    EXPECT_TRUE(Keyring::load(file_).has_value());
    fs::remove(file_);
  }
}

TEST_F(keyring_file, that_is_a_directory_a_pipe_empty_or_huge_is_refused) {
  fs::create_directory(file_);
  expect_words(refusal(), "is a directory");
  fs::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  expect_words(refusal(), "not a regular file");
  fs::remove(file_);
  write("");
  expect_words(refusal(), "is empty");
  write(std::string(100'000, ' '));
  expect_words(refusal(), "larger");
}

TEST_F(keyring_file, cut_off_anywhere_is_refused) {
  const std::string whole = keyring_json();
  for (std::size_t size = 1; size < whole.size(); size += 3) {
    write(whole.substr(0, size));
    const std::string said = refusal();
    EXPECT_EQ(said.find("000102"), std::string::npos);
    expect_words(said, "keys init");
  }
}

TEST_F(keyring_file, that_is_not_a_keyset_is_refused_with_the_reason) {
  const auto changed = [](std::string_view from, std::string_view to) {
    std::string json = keyring_json();
    const std::size_t at = json.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return json.replace(at, from.size(), to);
  };
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"not json", "not JSON"},
      {"[]", "must be an object"},
      {"{}", "sluice_keyring"},
      {"null", "must be an object"},
      {R"({"sluice_keyring": 2, "keys": []})", "must be 1"},
      {R"({"sluice_keyring": 1})", "at least one key"},
      {R"({"sluice_keyring": 1, "keys": []})", "at least one key"},
      {R"({"sluice_keyring": 1, "keys": [1]})", "must be an object"},
      {keyring_json() + "x", "not JSON"},
      {changed("\"keys\"", "\"kyes\""), "not known"},
      {changed("\"status\"", "\"state\""), "not known"},
      {changed("\"id\": \"k1\"", "\"id\": \"k1\", \"id\": \"k1\""), "twice"},
      {changed("\"id\": \"k1\"", "\"id\": \"k1.x\""), "such as k1"},
      {changed("\"id\": \"k1\"", "\"id\": 1"), "such as k1"},
      {changed("\"id\": \"k1\", ", ""), "such as k1"},
      {changed("\"id\": \"k1\"", "\"id\": \"k2\""), "two keys have the id k2"},
      {keyring_json("primary", "primary"), "2 have it"},
      {keyring_json("enabled", "enabled"), "0 have it"},
      {keyring_json("disabled", "disabled"), "0 have it"},
      {keyring_json("main", "enabled"), "key k1: \"status\""},
      {changed("2026-01-31T12:00:00Z", "yesterday"), "key k1: \"created\""},
      {changed("0001020304", "00010203"), "key k1: \"secret\" must be 64 hex digits"},
      {changed("0001020304", "000102030405"), "key k1: \"secret\" must be 64 hex digits"},
      {changed("0001020304", "00010203zz"), "key k1: \"secret\" must be 64 hex digits"},
      {changed("0001020304", "000102030\\u0034"), "key k1: \"secret\" must be 64 hex digits"},
      {changed("\"secret\"", "\"\\u0073ecret\""), "\"secret\" must be 64 hex digits"},
      {changed("\"secret\": \"", "\"secret\": 1, \"x\": \""), "not known"},
      {changed("\"keys\"", "\"secret\": \"" + std::string(64, '0') + "\", \"keys\""), "not known"},
  };
  for (const auto& [json, reason] : wrong) {
    write(json);
    const std::string said = refusal();
    expect_words(said, reason);
    EXPECT_EQ(said.find("000102"), std::string::npos) << said;
    EXPECT_EQ(said.find("1e1f"), std::string::npos) << said;
  }
}

TEST(keyring, gives_keys_of_every_status_but_disabled) {
  EXPECT_EQ(keyring("primary", "enabled").ids(), (std::vector<std::string>{"k1", "k2"}));
  EXPECT_EQ(keyring("decrypt-only", "primary").primary_id(), "k2");
  const Keyring without = keyring("disabled", "primary");
  EXPECT_EQ(without.ids(), std::vector<std::string>{"k2"});
  EXPECT_EQ(without.check("k2"), keyring().check("k2"));  // the right key took its place
}

TEST(keyring, can_be_moved) {
  Keyring first = keyring();
  const std::string check = first.check("k1");
  Keyring second = std::move(first);
  EXPECT_EQ(second.check("k1"), check);
  second = keyring("disabled", "primary");
  EXPECT_EQ(second.primary_id(), "k2");
}

TEST(keyring, sub_keys_differ_by_key_function_and_domain) {
  const Keyring ring = keyring();
  std::set<std::string> seen;
  for (const char* id : {"k1", "k2"}) {
    for (const char* function : {"siv", "hmac", "sivip", ""}) {
      for (const char* domain : {"ip", "", "i", "p"}) {
        std::array<std::uint8_t, 32> key;
        ring.derive(id, function, domain, key);
        EXPECT_TRUE(seen.emplace(key.begin(), key.end()).second) << id << function << domain;
      }
    }
  }
}

// By Python: HKDF(SHA256(), 8, None, b"sluice-v1\0check\0").derive(bytes(range(32))).hex()
TEST(keyring, check_value_is_the_documented_one) {
  EXPECT_EQ(keyring().check("k1"), "8851e33cf96e2865");
  EXPECT_NE(keyring().check("k2"), keyring().check("k1"));
}

// The entry of /proc/self/smaps that holds `address`.
std::string memory_entry(const void* address) {
  std::ifstream in("/proc/self/smaps");
  std::string entry;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char dash = 0;
    std::istringstream parts(line);
    if (parts >> std::hex >> from >> dash >> to && dash == '-') {
      const auto at = reinterpret_cast<std::uintptr_t>(address);
      inside = from <= at && at < to;
    }
    if (inside) entry += line + '\n';
  }
  return entry;
}

TEST(secret_bytes, are_locked_and_left_out_of_core_dumps) {
  auto made = SecretBytes::make(100);
  ASSERT_TRUE(made.has_value());
  const std::string entry = memory_entry(made->bytes().data());
  if (entry.find("VmFlags:") == std::string::npos)
    GTEST_SKIP() << "SKIPPED LOUDLY: this kernel has no VmFlags in smaps";
  const std::string flags = entry.substr(entry.find("VmFlags:"));
  EXPECT_NE(flags.find(" dd"), std::string::npos) << flags;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these make mlock do nothing
  EXPECT_NE(flags.find(" lo"), std::string::npos) << flags;
#endif
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these keep freed memory, and terabytes of shadow
// How often `needle`, given with each byte inverted so that it does not find itself, stands in this process's memory.
int copies_in_memory(std::string_view inverted) {
  std::ifstream in("/proc/self/maps");
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
  for (std::string line; std::getline(in, line);) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char dash = 0;
    std::string rights;
    std::istringstream parts(line);
    parts >> std::hex >> from >> dash >> to >> rights;
    if (rights.starts_with("rw") && line.find("[v") == std::string::npos) ranges.emplace_back(from, to);
  }
  int copies = 0;
  for (const auto& [from, to] : ranges) {
    const auto* at = reinterpret_cast<const char*>(from);
    const auto* end = reinterpret_cast<const char*>(to) - inverted.size();
    for (; at <= end; ++at) {
      std::size_t same = 0;
      while (same < inverted.size() && at[same] == static_cast<char>(~inverted[same])) ++same;
      if (same == inverted.size()) ++copies;
    }
  }
  return copies;
}

TEST_F(keyring_file, its_key_stands_in_memory_once) {
  ASSERT_TRUE(Keyring::init(file_).has_value());
  // Read past every buffer, a byte at a time, and kept inverted.
  std::string text_inverted;
  const int in = ::open(file_.c_str(), O_RDONLY);
  for (char c = 0; ::read(in, &c, 1) == 1;) text_inverted += static_cast<char>(~c);
  ::close(in);
  std::string mark_inverted = "\"secret\": \"";
  for (char& c : mark_inverted) c = static_cast<char>(~c);
  const std::size_t at = text_inverted.find(mark_inverted) + mark_inverted.size();
  const std::string hex_inverted = text_inverted.substr(at, 16);
  std::string key_inverted;
  for (std::size_t i = 0; i < 16; i += 2) {
    const auto digit = [&](std::size_t k) {
      const char c = static_cast<char>(~hex_inverted[k]);
      return c <= '9' ? c - '0' : c - 'a' + 10;
    };
    key_inverted += static_cast<char>(~(digit(i) * 16 + digit(i + 1)));
  }
  EXPECT_EQ(copies_in_memory(key_inverted), 0) << "after init";
  {
    const auto loaded = Keyring::load(file_);
    ASSERT_TRUE(loaded.has_value());
    loaded->check("k1");
    EXPECT_EQ(copies_in_memory(key_inverted), 1) << "while it is loaded";
    EXPECT_EQ(copies_in_memory(hex_inverted), 0) << "the file's text";
  }
  EXPECT_EQ(copies_in_memory(key_inverted), 0) << "after it is gone";
}
#endif

TEST(harden, turns_core_dumps_off) {
  EXPECT_EXIT(
      {
        harden_process();
        rlimit limit{};
        getrlimit(RLIMIT_CORE, &limit);
        std::exit(limit.rlim_cur <= 1 && limit.rlim_max <= 1 && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sluice::mask

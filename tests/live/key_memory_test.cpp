// What a thief of the process's memory finds: a dump of it, as the kernel or gdb would write one, holds no key.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "sluice/mask/keyring.hpp"
#include "support/key_server.hpp"
#include "support/process.hpp"

namespace sluice::live {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::optional<std::string>>;

struct Region {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool readable = false;
  std::string name;
  std::string flags;  // "rd wr mr mw me lo ac dd"

  bool has(const std::string& flag) const { return (" " + flags + " ").find(" " + flag + " ") != std::string::npos; }
};

std::vector<Region> regions_of(pid_t pid) {
  std::vector<Region> regions;
  std::ifstream in("/proc/" + std::to_string(pid) + "/smaps");
  for (std::string line; std::getline(in, line);) {
    std::istringstream parts(line);
    Region region;
    char dash = 0;
    std::string rights;
    if (line.starts_with("VmFlags: ") && !regions.empty()) {
      regions.back().flags = line.substr(9);
    } else if (parts >> std::hex >> region.from >> dash >> region.to >> rights && dash == '-') {
      region.readable = rights.starts_with("r");
      region.name = line;
      regions.push_back(region);
    }
  }
  return regions;
}

std::string bytes_of(pid_t pid, const Region& region) {
  std::string bytes(region.to - region.from, '\0');
  const int memory = open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t got = pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(region.from));
  close(memory);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

enum class Stands { in_file, in_aws };

// A process that has loaded its keyring and masked with it, and waits for more to mask.
class key_memory : public testing::TestWithParam<Stands> {
 protected:
  void SetUp() override {
    Environment environment;
    if (GetParam() == Stands::in_file) {
      ASSERT_TRUE(mask::Keyring::init(file()).has_value());
      std::ifstream in(file());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      text_ = text.substr(text.find("\"secret\": \"") + 11, 64);
      for (std::size_t i = 0; i < 64; i += 2) key_ += static_cast<char>(std::stoi(text_.substr(i, 2), nullptr, 16));
    } else {
      text_ = "h4GSo7TF1uf4CRorPE1eb4CRorPE1eb3CBkqO0xdbn8=";
      constexpr unsigned char bytes[] = {0x87, 0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8, 0x09, 0x1a,
                                         0x2b, 0x3c, 0x4d, 0x5e, 0x6f, 0x80, 0x91, 0xa2, 0xb3, 0xc4, 0xd5,
                                         0xe6, 0xf7, 0x08, 0x19, 0x2a, 0x3b, 0x4c, 0x5d, 0x6e, 0x7f};
      key_.assign(reinterpret_cast<const char*>(bytes), sizeof bytes);
      server_ = support::KeyServer::start();
      server_->secret("key", text_);
      environment = server_->environment();
      const support::Ended made = support::run(
          {{SLUICE_BINARY, "keys", "init", "keys.json", "--aws-secret", "key"}, environment, folder_.path().string()});
      ASSERT_EQ(made.code, 0) << made.err;
    }
    ASSERT_EQ(mkfifo((folder_.path() / "values").c_str(), 0600), 0);
    process_ = std::make_unique<support::Process>(
        support::Command{{"/bin/sh", "-c", "exec " SLUICE_BINARY " mask --keys keys.json --domain ip < values"},
                         environment,
                         folder_.path().string()});
    values_ = open((folder_.path() / "values").c_str(), O_WRONLY | O_CLOEXEC);
    // More than a pipe and a stream hold: once it is all taken, some of it was masked.
    std::string lines;
    while (lines.size() < 200000) lines += "203.0.113.7\n";
    ASSERT_EQ(write(values_, lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
    regions_ = regions_of(process_->pid());
    if (regions_.empty() || regions_[0].flags.empty() || bytes_of(process_->pid(), regions_[0]).empty()) {
      std::fprintf(stderr, "SKIPPED LOUDLY: another process's memory cannot be read here\n");
      GTEST_SKIP() << "another process's memory cannot be read here";
    }
  }
  void TearDown() override {
    if (values_ >= 0) close(values_);
  }
  std::string file() const { return folder_.path() / "keys.json"; }
  // How often the key stands in these bytes, as it is or as text.
  int copies_in(const std::string& bytes) const {
    int copies = 0;
    for (const std::string& needle : {key_, text_}) {
      for (std::size_t at = 0; (at = bytes.find(needle, at)) != std::string::npos; ++at) ++copies;
    }
    return copies;
  }

  support::TempFolder folder_{"key-memory"};
  std::string key_;
  std::string text_;
  std::unique_ptr<support::KeyServer> server_;
  std::unique_ptr<support::Process> process_;
  int values_ = -1;
  std::vector<Region> regions_;
};

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these make mlock do nothing
TEST_P(key_memory, holds_the_key_once_in_a_region_that_is_locked_and_left_out_of_dumps) {
  int copies = 0;
  int in_dumps = 0;
  for (const Region& region : regions_) {
    if (!region.readable || region.name.ends_with("[vvar]") || region.name.ends_with("[vsyscall]")) continue;
    const int here = copies_in(bytes_of(process_->pid(), region));
    if (here == 0) continue;
    copies += here;
    EXPECT_TRUE(region.has("lo")) << region.name << " " << region.flags;
    EXPECT_TRUE(region.has("dd")) << region.name << " " << region.flags;
    if (!region.has("dd")) in_dumps += here;
  }
  EXPECT_EQ(copies, 1);
  EXPECT_EQ(in_dumps, 0);
}

// gdb writes what the kernel would, from outside, whatever the process's limit says.
TEST_P(key_memory, a_core_that_is_forced_from_outside_holds_no_key) {
  const std::string core = folder_.path() / "core";
  if (!fs::exists("/usr/bin/gcore")) {
    std::fprintf(stderr, "SKIPPED LOUDLY: gcore not found; install gdb\n");
    GTEST_SKIP() << "gcore not found";
  }
  const std::string pid = std::to_string(process_->pid());
  const support::Ended ended = support::run({{"gcore", "-o", core, pid}, {{"DEBUGINFOD_URLS", std::nullopt}}, {}});
  const std::string written = core + "." + pid;
  ASSERT_TRUE(fs::exists(written)) << ended.out << ended.err;
  std::ifstream in(written, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  EXPECT_NE(bytes.find("203.0.113.7"), std::string::npos) << "the core does not hold the process's memory at all";
  EXPECT_EQ(copies_in(bytes), 0);
}
#endif

TEST_P(key_memory, a_crash_leaves_no_core_and_environment_and_command_line_no_key) {
  const std::string proc = "/proc/" + std::to_string(process_->pid());
  for (const char* name : {"/environ", "/cmdline"}) {
    std::ifstream in(proc + name);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(copies_in(text), 0) << name;
  }
  std::ifstream in(proc + "/limits");
  std::string limits{std::istreambuf_iterator<char>(in), {}};
  limits = limits.substr(limits.find("Max core file size"));
  EXPECT_EQ(limits.substr(0, limits.find('\n')).find("unlimited"), std::string::npos) << limits;
  process_->send_signal(SIGSEGV);
  const auto ended = process_->wait(std::chrono::seconds(30));
  ASSERT_TRUE(ended.has_value());
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    EXPECT_EQ(entry.path().filename().string().find("core"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, key_memory, testing::Values(Stands::in_file, Stands::in_aws),
                         [](const auto& of) { return of.param == Stands::in_file ? "in_file" : "in_aws"; });

}  // namespace
}  // namespace sluice::live

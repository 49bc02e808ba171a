// How long it takes to undo an unkeyed hash: SHA-256 of dotted IPv4 addresses, on one core, until the one whose hash
// was given is found. A salt changes nothing of it: whoever sees the project file has the salt.
//
//   hash_search             one address in sixteen, spread over all of them; the time for the rest is computed
//   hash_search --all       all of them: some minutes
//
// Each address is one block of SHA-256, padded here, so that nothing but OpenSSL's compression function is measured;
// an attacker would not do worse, and with more cores or a graphics card far better. Time is the processor's, so that a
// busy machine does not look like a safer one.
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // SHA256_Transform is all that is wanted

namespace {

constexpr double all_addresses = 4294967296.0;
constexpr std::string_view salt = "pepper";

using Hash = std::array<std::uint32_t, 8>;

// "0" to "255"
struct Octets {
  std::array<std::array<char, 4>, 256> text{};
  std::array<std::uint8_t, 256> size{};
  Octets() {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::string number = std::to_string(i);
      size[i] = static_cast<std::uint8_t>(number.size());
      std::memcpy(text[i].data(), number.data(), number.size());
    }
  }
};

class Search {
 public:
  Search() { SHA256_Init(&start_); }

  Hash hash(std::uint32_t address) {
    std::size_t at = put_first(address >> 16U);
    at = put(at, address >> 8U & 255U, true);
    return finish(put(at, address & 255U, false));
  }

  // The address of this hash among the 65,536 of a network, or none.
  bool find(std::uint32_t network, const Hash& wanted, std::uint32_t& found) {
    const std::size_t second = put_first(network);
    for (std::uint32_t third = 0; third < 256; ++third) {
      const std::size_t fourth = put(second, third, true);
      for (std::uint32_t last = 0; last < 256; ++last) {
        if (finish(put(fourth, last, false)) != wanted) continue;
        found = network << 16U | third << 8U | last;
        return true;
      }
    }
    return false;
  }

 private:
  std::size_t put(std::size_t at, std::uint32_t octet, bool dot) {
    std::memcpy(block_.data() + at, octets_.text[octet].data(), 4);
    at += octets_.size[octet];
    if (dot) block_[at++] = '.';
    return at;
  }
  std::size_t put_first(std::uint32_t network) {
    std::memcpy(block_.data(), salt.data(), salt.size());
    return put(put(salt.size(), network >> 8U, true), network & 255U, true);
  }
  Hash finish(std::size_t size) {
    block_[size] = 0x80;
    std::memset(block_.data() + size + 1, 0, block_.size() - size - 1);
    const std::size_t bits = size * 8;
    block_[62] = static_cast<std::uint8_t>(bits >> 8U);
    block_[63] = static_cast<std::uint8_t>(bits);
    SHA256_CTX state = start_;
    SHA256_Transform(&state, block_.data());
    Hash out;
    std::memcpy(out.data(), state.h, sizeof out);
    return out;
  }

  Octets octets_;
  SHA256_CTX start_;
  alignas(64) std::array<std::uint8_t, 64> block_{};
};

// That one block hashed here is what everybody else calls the SHA-256 of salt and address.
bool is_sha256(Search& search) {
  const std::string text = std::string(salt) + "203.0.113.7";
  std::array<std::uint8_t, 32> right;
  SHA256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), right.data());
  const Hash ours = search.hash(0xcb007107U);
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t word = static_cast<std::uint32_t>(right[4 * i]) << 24U |
                               static_cast<std::uint32_t>(right[4 * i + 1]) << 16U |
                               static_cast<std::uint32_t>(right[4 * i + 2]) << 8U | right[4 * i + 3];
    if (word != ours[i]) return false;
  }
  return true;
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

}  // namespace

int main(int count, char** arguments) {
  const bool all = count == 2 && std::strcmp(arguments[1], "--all") == 0;
  if (count != 1 && !all) {
    std::fputs("usage: hash_search [--all]\n", stderr);
    return 2;
  }
  Search search;
  if (!is_sha256(search)) {
    std::fputs("hash_search: what is computed here is not SHA-256\n", stderr);
    return 1;
  }
  // In the last network that is searched, so that all of the share is.
  const std::uint32_t step = all ? 1 : 16;
  const std::uint32_t last = 65536 - step;
  const std::uint32_t secret = last << 16U | (std::random_device{}() & 0xffffU);
  const Hash wanted = search.hash(secret);

  const auto start = std::chrono::steady_clock::now();
  const std::clock_t worked = std::clock();
  std::uint32_t found = 0;
  double searched = 0;
  bool there = false;
  for (std::uint32_t network = 0; network < 65536 && !there; network += step) {
    there = search.find(network, wanted, found);
    searched += there ? static_cast<double>(found & 0xffffU) + 1 : 65536.0;
  }
  const double seconds = static_cast<double>(std::clock() - worked) / CLOCKS_PER_SEC;
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!there || found != secret) {
    std::fputs("hash_search: the address was not found\n", stderr);
    return 1;
  }
  const double speed = searched / seconds;
  std::printf("%s, %s\n", processor().c_str(), OpenSSL_version(OPENSSL_VERSION));
  std::printf("%.0f hashes in %.1f s of one core (%.1f s passed); the address was found\n", searched, seconds, passed);
  const double whole = all ? seconds : all_addresses / speed;
  std::printf(
      "All 2^32 IPv4 addresses are searched in %.0f seconds on one core (%s), %.1f million hashes a second: %s.\n",
      whole, processor().c_str(), speed / 1e6,
      all ? "measured over all of them" : "measured over one network in sixteen, and multiplied by 16");
  return 0;
}

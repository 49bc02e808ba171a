// A keyring's file: how it is read, and how a new one is made.
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "sluice/core/clock.hpp"
#include "sluice/core/crash_point.hpp"
#include "sluice/mask/base64url.hpp"
#include "sluice/mask/keyring_file.hpp"
#include "sluice/mask/keyring_reader.hpp"
#include "sluice/mask/must.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t file_size_max = 49152;  // 64 keys wrapped by KMS take 31 KiB; 64 KiB may be locked anywhere

std::string init_hint(const std::string& file) { return "make one by `sluice keys init " + file + "`"; }

tl::unexpected<Error> wrong(const std::string& file, const std::string& what, std::string hint) {
  return fail(Fault::config, "keyring " + file + ": " + what, std::move(hint));
}

Result<void> check_file(const std::string& file, const struct stat& facts) {
  if (S_ISDIR(facts.st_mode)) return wrong(file, "is a directory", "name a file, or " + init_hint(file + "/keys.json"));
  if (!S_ISREG(facts.st_mode)) return wrong(file, "is not a regular file", "copy the keyring into a file of mode 0600");
  if ((facts.st_mode & 077) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(facts.st_mode & 07777));
    return wrong(file, std::string("others may read or change it (mode ") + mode + ")", "chmod 600 " + file);
  }
  if (facts.st_size == 0)
    return wrong(file, "is empty", "restore it from your copy, or remove it and " + init_hint(file));
  if (static_cast<std::size_t>(facts.st_size) > file_size_max) {
    return wrong(file, "is larger than any keyring",
                 "is it the right file? if you have no keyring yet, " + init_hint("keys.json"));
  }
  return {};
}

std::string draft_name(const std::string& file) {
  std::array<std::uint8_t, 9> random;
  must(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1, "the random generator");
  std::string name(base64url_size(random.size()), ' ');
  base64url_encode(random, name.data());
  return file + ".new-" + name;
}

// Gives the draft its name, unless that is taken; on file systems without the one call, by the other.
bool publish(const std::string& draft, const std::string& file) {
  if (renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  if (link(draft.c_str(), file.c_str()) != 0) return false;
  unlink(draft.c_str());
  return true;
}

tl::unexpected<Error> not_made(const std::string& file, int error) {
  if (error == EEXIST) {
    return fail(Fault::config, "keyring " + file + ": there is a file already, and it is not overwritten",
                "use it, or name another file");
  }
  return fail(error == EACCES || error == EPERM || error == EROFS ? Fault::denied : Fault::config,
              "keyring " + file + ": cannot be made: " + std::strerror(error),
              "name a file in a folder that you may write to");
}

}  // namespace

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash + 1);
}

std::string now_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(system_clock().now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Result<KeyFacts> make_key(const std::string& id, const std::string& place, const NewKey& wanted, KeyVault* vault,
                          std::span<std::uint8_t> out) {
  KeyFacts facts{id, KeyStatus::enabled, now_text(), wanted.material_env, wanted.aws_secret, wanted.kms_key};
  if (!facts.material_env.empty() && !is_variable(facts.material_env)) {
    return fail(Fault::config, "that is no name of an environment variable",
                "letters, digits and _, such as SLUICE_KEY");
  }
  if (!facts.aws_secret.empty() && !is_aws_secret(facts.aws_secret))
    return fail(Fault::config, "that is no name of a secret", "give its name or its ARN, such as sluice/key-2");
  if (!facts.kms_key.empty() && !is_kms_key(facts.kms_key))
    return fail(Fault::config, "that is no key of KMS", "give its ARN, its id, or an alias such as alias/sluice");
  facts.fernet_domain = wanted.fernet_domain;
  if (!facts.fernet_domain.empty() && !is_fernet_domain(facts.fernet_domain))
    return fail(Fault::config, "that is no domain a Fernet key can be kept for", "1 to 64 letters, digits and / _ . -");
  if (!facts.kms_key.empty()) {
    if (vault == nullptr) return fail(Fault::config, "KMS is not asked here");
    if (auto made = vault->make(facts, out); !made)
      return fail(std::move(made).error().within("keyring " + place + ": key " + id));
  } else if (!facts.material_env.empty() || !facts.aws_secret.empty()) {
    // Read as it will be from now on, before the file names it: else the next run would find out.
    SLUICE_CHECK(read_material(facts, place, vault, out));
  } else if (!facts.fernet_domain.empty()) {
    must(wanted.bytes.size() == out.size(), "the size of a key");
    std::ranges::copy(wanted.bytes, out.begin());
  } else {
    must(RAND_priv_bytes(out.data(), static_cast<int>(out.size())) == 1, "the random generator");
  }
  facts.check = check_value(out);
  return facts;
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_keyring(int descriptor, const std::vector<WrittenKey>& keys) {
  if (!write_all(descriptor, "{\n  \"sluice_keyring\": 1,\n  \"keys\": [")) return false;
  std::string_view before = "\n";
  for (const WrittenKey& key : keys) {
    std::string text(before);
    before = ",\n";
    text += "    { \"id\": \"" + key.facts.id + "\", \"status\": \"" + to_string(key.facts.status) +
            "\", \"created\": \"" + key.facts.created + "\",\n      ";
    const KeyFacts& facts = key.facts;
    if (!facts.fernet_domain.empty()) text += "\"fernet_domain\": \"" + facts.fernet_domain + "\", ";
    if (!facts.material_env.empty() || facts.in_aws()) {
      // The reader lets no character into these that would have to be escaped.
      const auto pair = [](const char* name, const std::string& value) {
        return "\"" + std::string(name) + "\": \"" + value + "\"";
      };
      if (!facts.material_env.empty()) text += pair("material_env", facts.material_env);
      if (!facts.aws_secret.empty()) text += pair("aws_secret", facts.aws_secret);
      if (!facts.kms_key.empty()) text += pair("kms_key", facts.kms_key) + ",\n      " + pair("wrapped", facts.wrapped);
      if (facts.in_aws() && !facts.check.empty()) text += ",\n      " + pair("check", facts.check);
      if (!write_all(descriptor, text + " }")) return false;
      continue;
    }
    must(key.bytes.size() == Keyring::key_size, "the size of a key");
    Wiped<2 * Keyring::key_size> hex;
    for (std::size_t i = 0; i < key.bytes.size(); ++i) {
      constexpr std::string_view digits = "0123456789abcdef";
      hex.bytes[2 * i] = static_cast<std::uint8_t>(digits[key.bytes[i] >> 4U]);
      hex.bytes[2 * i + 1] = static_cast<std::uint8_t>(digits[key.bytes[i] & 15U]);
    }
    if (!write_all(descriptor, text + "\"secret\": \"") ||
        !write_all(descriptor, {reinterpret_cast<const char*>(hex.bytes.data()), hex.bytes.size()}) ||
        !write_all(descriptor, "\" }")) {
      return false;
    }
  }
  return write_all(descriptor, "\n  ]\n}\n") && fsync(descriptor) == 0;
}

Result<Keyring> Keyring::load(const std::string& file, KeyVault* vault) {
  return read_keyring_file(file, vault, Fetch::all);
}

Result<std::vector<KeyFacts>> Keyring::look(const std::string& file) {
  SLUICE_TRY(Keyring ring, read_keyring_file(file, nullptr, Fetch::none));
  return std::move(ring.all_);
}

Result<Keyring> read_keyring_file(const std::string& file, KeyVault* vault, Fetch fetch) {
  // Not blocking: a pipe by that name must not stop the start.
  const File opened(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (opened.get() < 0) {
    if (errno == ENOENT) return wrong(file, "there is no such file", init_hint(file));
    return wrong(file, std::string("cannot be read: ") + std::strerror(errno),
                 "run as the user it belongs to; if you have no keyring yet, " + init_hint("keys.json"));
  }
  struct stat facts {};
  if (fstat(opened.get(), &facts) != 0) return wrong(file, std::strerror(errno), init_hint(file));
  SLUICE_CHECK(check_file(file, facts));

  SLUICE_TRY(SecretBytes text, SecretBytes::make(static_cast<std::size_t>(facts.st_size)));
  std::size_t size = 0;
  while (size < text.bytes().size()) {
    const ssize_t got = read(opened.get(), text.bytes().data() + size, text.bytes().size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return wrong(file, std::string("cannot be read: ") + std::strerror(errno), "restore it from your copy");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return read_keyring(file, text.text().first(size), vault, fetch);
}

Result<void> Keyring::init(const std::string& file, const NewKey& wanted, KeyVault* vault) {
  // Looked at first, so that no key is made in vain; publish() is what decides.
  struct stat facts {};
  if (lstat(file.c_str(), &facts) == 0) return not_made(file, EEXIST);
  Wiped<key_size> key;
  SLUICE_TRY(KeyFacts first, make_key("k1", file, wanted, vault, key.bytes));
  first.status = KeyStatus::primary;
  const std::string draft = draft_name(file);
  const File made(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (made.get() < 0) return not_made(file, errno);
  bool done = fchmod(made.get(), 0600) == 0 && write_keyring(made.get(), {{first, key.bytes}});
  SLUICE_CRASH_POINT("keys_new_written");
  done = done && publish(draft, file);
  if (!done) {
    const int error = errno;
    unlink(draft.c_str());
    return not_made(file, error);
  }
  const File folder(open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) fsync(folder.get());
  return {};
}

}  // namespace sluice::mask

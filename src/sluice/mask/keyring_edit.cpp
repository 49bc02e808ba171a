// Changes of a keyring's file: read, changed, written beside it, put in its place.
//
// A lock on the folder keeps two changes apart. The draft has a fixed name, so that the next change removes what a
// crash has left.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "sluice/core/crash_point.hpp"
#include "sluice/mask/keyring_file.hpp"
#include "sluice/mask/keyring_reader.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t keys_max = 64;

// Behind links, since a rename would replace the link; as it was where there is no such file.
std::string real_name(const std::string& file) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(file.c_str(), nullptr), &std::free);
  return real ? real.get() : file;
}

tl::unexpected<Error> not_changed(const std::string& file, const std::string& what, int error) {
  return fail(error == EACCES || error == EPERM || error == EROFS ? Fault::denied : Fault::failed,
              "keyring " + file + ": not changed: " + what + ": " + std::strerror(error),
              "the keyring is as it was; its folder must be writable and have room");
}

long long number_of(const std::string& id) {
  long long number = 0;
  std::from_chars(id.data() + 1, id.data() + id.size(), number);
  return number;
}

// Writes `name` beside the keyring by way of a draft, with the mode and the owner of `like`.
template <class Write>
bool put(const std::string& name, const struct stat& like, const char* crash_name, Write write) {
  const std::string draft = name + ".draft";
  unlink(draft.c_str());
  const File made(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (made.get() < 0) return false;
  // Only root can give a file away; whoever else changes a keyring is its owner.
  const bool owned = geteuid() != 0 || fchown(made.get(), like.st_uid, like.st_gid) == 0;
  if (owned && fchmod(made.get(), like.st_mode & 0700U) == 0 && write(made.get())) {
    static_cast<void>(crash_name);
    SLUICE_CRASH_POINT(crash_name);
    if (rename(draft.c_str(), name.c_str()) == 0) return true;
  }
  const int error = errno;
  unlink(draft.c_str());
  errno = error;
  return false;
}

}  // namespace

// One change of one file, alone with it from open() until it goes.
class KeyringEditor {
 public:
  static Result<KeyringEditor> open(const std::string& file) {
    KeyringEditor editor;
    editor.file_ = real_name(file);
    editor.folder_ =
        std::make_unique<File>(::open(folder_of(editor.file_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (editor.folder_->get() >= 0) {
      while (flock(editor.folder_->get(), LOCK_EX) != 0) {
        if (errno != EINTR) return not_changed(file, "its folder cannot be locked", errno);
      }
    }
    SLUICE_TRY(editor.ring_, read_keyring_file(editor.file_, nullptr, Fetch::none));
    if (stat(editor.file_.c_str(), &editor.stat_) != 0) return not_changed(file, "it cannot be looked at", errno);
    return editor;
  }

  std::vector<KeyFacts>& keys() { return ring_.all_; }

  // Keys in use whose secrets stand in variables, read: what is given now may be one of theirs.
  Result<void> read_others(const KeyFacts& key) const {
    Wiped<Keyring::key_size> bytes;
    for (const KeyFacts& other : ring_.all_) {
      if (other.id == key.id || other.status == KeyStatus::disabled || other.material_env.empty()) continue;
      SLUICE_CHECK(read_material(other, file_, nullptr, bytes.bytes));
    }
    return {};
  }

  // A key that will be used must be readable now: else the next run would find out.
  Result<void> prove(KeyFacts& key, KeyVault* vault) {
    if (key.material_env.empty() && !key.in_aws()) return {};
    Wiped<Keyring::key_size> bytes;
    SLUICE_CHECK(read_material(key, file_, vault, bytes.bytes));
    const std::string check = check_value(bytes.bytes);
    if (!key.check.empty() && key.check != check) {
      return fail(Fault::config, "keyring " + file_ + ": key " + key.id + ": its secret is another one than it was",
                  "put back the one it was made with; a new secret wants a new key: sluice keys add");
    }
    key.check = check;
    for (const KeyFacts& other : keys()) {
      if (other.status != KeyStatus::disabled) SLUICE_CHECK(differ(key, other, "key " + key.id));
    }
    return {};
  }

  // Two keys of one secret would be one key under two ids. `what` holds the secret of `key`.
  Result<void> differ(const KeyFacts& key, const KeyFacts& other, const std::string& what) const {
    if (key.id == other.id) return {};
    // A key in AWS whose secret was never read has no check value.
    const bool same_place = !key.aws_secret.empty() && key.aws_secret == other.aws_secret;
    if (key.check != other.check && !same_place) return {};
    const std::string held = other.id + (other.status == KeyStatus::disabled ? ", which is disabled" : "");
    return fail(Fault::config, "keyring " + file_ + ": " + what + " holds the secret of key " + held,
                instead_of(key, other));
  }

  Result<KeyFacts*> find(std::string_view id) {
    const auto found = std::ranges::find(keys(), id, &KeyFacts::id);
    if (found != keys().end()) return &*found;
    return fail(Fault::config, "keyring " + file_ + ": there is no key '" + std::string(id) + "'",
                "`sluice keys list` shows its keys");
  }

  // The Fernet key that mask_fernet writes with in a domain; nullptr: none from elsewhere.
  const KeyFacts* writes_fernet(const std::string& domain) {
    const auto found = std::ranges::find_if(keys(), [&](const KeyFacts& key) {
      return !domain.empty() && key.fernet_domain == domain && key.status == KeyStatus::enabled;
    });
    return found == keys().end() ? nullptr : &*found;
  }

  // `fresh`: the bytes of a last key, for the file to hold unless they stand elsewhere.
  Result<void> write(std::span<const std::uint8_t> fresh = {}) {
    std::vector<WrittenKey> written;
    for (std::size_t i = 0; i < keys().size(); ++i) {
      const bool is_new = i >= ring_.all_slots_.size();
      const std::size_t slot = is_new ? no_slot : ring_.all_slots_[i];
      written.push_back({keys()[i], slot == no_slot ? fresh : ring_.key_in(slot)});
    }
    if (!back_up()) return not_changed(file_, "its copy " + file_ + ".bak cannot be written", errno);
    SLUICE_CRASH_POINT("keys_backed_up");
    if (!put(file_, stat_, "keys_draft_written", [&](int to) { return write_keyring(to, written); }))
      return not_changed(file_, "it cannot be written", errno);
    SLUICE_CRASH_POINT("keys_renamed");
    if (folder_->get() >= 0) fsync(folder_->get());
    return {};
  }

 private:
  KeyringEditor() = default;

  // What to do, where `other` holds the secret of `key`. A Fernet key is given, and cannot be another one.
  std::string instead_of(const KeyFacts& key, const KeyFacts& other) const {
    if (key.fernet_domain.empty()) return "a new key needs a new secret: openssl rand -base64 32";
    if (key.fernet_domain != other.fernet_domain) {
      return "one key serves one domain, and this one " +
             (other.fernet_domain.empty() ? "is Sluice's own" : "that of " + other.fernet_domain) +
             ": let the other programs use one for each";
    }
    if (other.status == KeyStatus::disabled)
      return "let it be used again: sluice keys enable " + file_ + " " + other.id;
    return "it is held already for this domain: nothing is to do";
  }

  bool back_up() {
    const File from(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (from.get() < 0) return false;
    auto text = SecretBytes::make(static_cast<std::size_t>(stat_.st_size));
    if (!text) {
      errno = ENOMEM;
      return false;
    }
    std::size_t size = 0;
    while (size < text->bytes().size()) {
      const ssize_t got = read(from.get(), text->bytes().data() + size, text->bytes().size() - size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return false;
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    return put(file_ + ".bak", stat_, "keys_copy_written", [&](int to) {
      return write_all(to, {text->text().data(), size}) && fsync(to) == 0;
    });
  }

  std::string file_;
  std::unique_ptr<File> folder_;  // locked
  Keyring ring_;
  struct stat stat_ {};
};

Result<std::string> Keyring::add(const std::string& file, const NewKey& wanted, KeyVault* vault) {
  SLUICE_TRY(KeyringEditor editor, KeyringEditor::open(file));
  if (editor.keys().size() == keys_max)
    return fail(Fault::config,
                "keyring " + file + ": it holds " + std::to_string(keys_max) + " keys, which is the most");
  long long last = 0;
  for (const KeyFacts& key : editor.keys()) last = std::max(last, number_of(key.id));
  const std::string id = "k" + std::to_string(last + 1);
  if (!is_key_id(id)) return fail(Fault::config, "keyring " + file + ": there is no number above that of its last key");
  Wiped<key_size> bytes;
  SLUICE_TRY(KeyFacts fresh, make_key(id, file, wanted, vault, bytes.bytes));
  if (editor.writes_fernet(fresh.fernet_domain) != nullptr) fresh.status = KeyStatus::decrypt_only;
  // A random one is nobody's.
  if (!wanted.material_env.empty() || !wanted.aws_secret.empty() || !wanted.bytes.empty())
    SLUICE_CHECK(editor.read_others(fresh));
  const std::string what = !wanted.material_env.empty() ? "the environment variable " + wanted.material_env
                           : !wanted.aws_secret.empty() ? "the secret " + wanted.aws_secret
                                                        : "what was given";
  for (const KeyFacts& other : editor.keys()) SLUICE_CHECK(editor.differ(fresh, other, what));
  editor.keys().push_back(fresh);
  SLUICE_CHECK(editor.write(bytes.bytes));
  return id;
}

Result<void> Keyring::promote(const std::string& file, std::string_view id, KeyVault* vault) {
  SLUICE_TRY(KeyringEditor editor, KeyringEditor::open(file));
  SLUICE_TRY(KeyFacts * chosen, editor.find(id));
  if (chosen->status == KeyStatus::primary) return {};
  if (!chosen->fernet_domain.empty()) {
    return fail(Fault::config, "keyring " + file + ": key " + chosen->id + " is a Fernet key of one domain",
                "only a key that was made by Sluice can be primary: sluice keys add " + file);
  }
  if (chosen->status == KeyStatus::disabled) {
    return fail(Fault::config, "keyring " + file + ": key " + chosen->id + " is disabled",
                "enable it first: sluice keys enable " + file + " " + chosen->id);
  }
  SLUICE_CHECK(editor.prove(*chosen, vault));
  for (KeyFacts& key : editor.keys()) {
    if (key.status == KeyStatus::primary) key.status = KeyStatus::enabled;
  }
  chosen->status = KeyStatus::primary;
  return editor.write();
}

Result<void> Keyring::set_status(const std::string& file, std::string_view id, KeyStatus status, KeyVault* vault) {
  SLUICE_TRY(KeyringEditor editor, KeyringEditor::open(file));
  SLUICE_TRY(KeyFacts * chosen, editor.find(id));
  if (chosen->status == status) return {};
  if (chosen->status == KeyStatus::primary) {
    return fail(Fault::config,
                "keyring " + file + ": key " + chosen->id + " is the primary one, which values are masked with",
                "make another primary first: sluice keys promote " + file + " ID");
  }
  const KeyFacts* writes = editor.writes_fernet(chosen->fernet_domain);
  if (status == KeyStatus::enabled && writes != nullptr) {
    return fail(Fault::config,
                "keyring " + file + ": key " + writes->id + " is enabled for Fernet tokens of the domain " +
                    chosen->fernet_domain + " already",
                "let it only read first: sluice keys enable " + file + " " + writes->id + " --decrypt-only");
  }
  if (status != KeyStatus::disabled) {
    if (chosen->status == KeyStatus::disabled) SLUICE_CHECK(editor.read_others(*chosen));
    SLUICE_CHECK(editor.prove(*chosen, vault));
  }
  chosen->status = status;
  return editor.write();
}

}  // namespace sluice::mask

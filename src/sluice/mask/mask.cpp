// The table of masks, how one is found and made, and the way back from a token.
#include "sluice/mask/mask.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "sluice/core/words.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

constexpr MaskParameter domain{"domain", "tokens of one domain can be joined, those of two have nothing in common"};
constexpr MaskParameter form{"form", "which ways to write are one value: text, ip, device, email", ""};

// A domain of their own where none is given, so that a short call is enough.
constexpr MaskParameter domain_or(std::string_view otherwise) { return {domain.name, domain.help, otherwise}; }

constexpr std::array domain_and_form{domain, form};
constexpr std::array ip_parameters{domain_or("ip")};
constexpr std::array fernet_parameters{domain_or("fernet")};
constexpr std::array seal_parameters{domain_or("seal")};
constexpr std::array fpe_parameters{
    MaskParameter{"alphabet", "digits, hex, base36, base62, alnum, ipv4, or its characters"},
    MaskParameter{"keep", "characters that stay where they are, such as -", ""}, domain_or("fpe")};
constexpr std::array date_parameters{MaskParameter{"days", "the most days a date is moved by", "365", true},
                                     domain_or("date")};
constexpr std::array sha256_parameters{
    MaskParameter{"salt", "a text that is hashed with the value"},
    MaskParameter{"position", "where the salt stands: before or after the value", "before"}};
constexpr std::array partial_parameters{MaskParameter{"first", "characters kept at the start", {}, true},
                                        MaskParameter{"last", "characters kept at the end", {}, true}};
constexpr std::array truncate_parameters{MaskParameter{"bits", "bits kept of an IPv4 address", {}, true},
                                         MaskParameter{"bits6", "bits kept of an IPv6 address", "48", true}};

constexpr auto text = MaskInput::text;
constexpr bool keyed = true;
constexpr bool repeatable = true;

constexpr std::array kinds{
    MaskKind{"mask_hmac", text, keyed, repeatable, TokenKey::none, domain_and_form, &make_hmac,
             "tells equal values, for finding duplicates; nobody can undo it"},
    MaskKind{"mask_siv", text, keyed, repeatable, TokenKey::in_front, domain_and_form, &make_siv,
             "tells equal values, and the holder of the key can recover them"},
    MaskKind{"mask_ip",
             text,
             keyed,
             repeatable,
             TokenKey::told,
             ip_parameters,
             &make_ip,
             "an address for an address; tells equal ones",
             {},
             Form::ip},
    MaskKind{"mask_ip_prefix",
             text,
             keyed,
             repeatable,
             TokenKey::told,
             ip_parameters,
             &make_ip_prefix,
             "an address for an address of the same family; tells equal ones and shared networks",
             {},
             Form::ip},
    MaskKind{"mask_fpe", text, keyed, repeatable, TokenKey::told, fpe_parameters, &make_fpe,
             "the same length and alphabet; tells equal values"},
    MaskKind{"mask_fernet", text, keyed, !repeatable, TokenKey::tried, fernet_parameters, &make_fernet,
             "a Fernet token, new each time, for exchange with Python and others"},
    MaskKind{"mask_seal", text, keyed, !repeatable, TokenKey::in_front, seal_parameters, &make_seal,
             "sealed, new each time: tells nothing but the length, and the holder of the key can recover it"},
    MaskKind{"mask_date_shift", MaskInput::date, keyed, repeatable, TokenKey::told, date_parameters, &make_date_shift,
             "a date moved by a number of days that is one for each entity"},
    MaskKind{"mask_sha256", text, !keyed, repeatable, TokenKey::none, sha256_parameters, &make_sha256,
             "SHA-256 of salt and value, for columns that are filled that way already",
             "whoever knows the salt finds short values by trying them all (every IPv4 address in minutes); "
             "use mask_hmac for new columns"},
    MaskKind{"mask_partial", text, !keyed, repeatable, TokenKey::none, partial_parameters, &make_partial,
             "some characters at both ends, the others as *"},
    MaskKind{"mask_redact", text, !keyed, repeatable, TokenKey::none, {}, &make_redact, "[redacted], whatever it was"},
    MaskKind{"mask_truncate_ip",
             text,
             !keyed,
             repeatable,
             TokenKey::none,
             truncate_parameters,
             &make_truncate_ip,
             "the network of an address",
             {},
             Form::ip},
    MaskKind{"mask_email",
             text,
             !keyed,
             repeatable,
             TokenKey::none,
             {},
             &make_email,
             "the first character and the domain of an e-mail address",
             {},
             Form::email},
};

Error within(const MaskKind& kind, Error error) { return std::move(error).within(kind.function); }

}  // namespace

const char* Mask::unmask(std::string_view, std::string& out) {
  out.clear();
  return "not_recoverable";
}

const char* Mask::mask_again(std::string_view value, std::string_view, std::string& out) { return mask(value, out); }

bool Mask::made(std::string_view) { return false; }

const char* Mask::days(std::string_view, std::int32_t&) { return "not_a_date"; }

std::size_t MaskKind::required() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(parameters, [](const MaskParameter& parameter) { return !parameter.otherwise; }));
}

std::span<const MaskKind> mask_kinds() { return kinds; }

Result<const MaskKind*> find_mask(std::string_view name) {
  std::vector<std::string> names;
  for (const MaskKind& kind : kinds) {
    if (kind.function == name || kind.function.substr(sizeof "mask_" - 1) == name) return &kind;
    names.emplace_back(kind.function);
  }
  const std::string full = name.starts_with("mask_") ? std::string(name) : "mask_" + std::string(name);
  return fail(Fault::config, "there is no mask '" + std::string(name) + "'", did_you_mean(full, names));
}

std::string call_text(const MaskKind& kind, const MaskArguments& arguments) {
  std::string text(kind.function);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = kind.parameters[i].name;
    text += ", " + std::string(name) + " " + (name == "salt" ? "..." : arguments[i]);  // a salt is half a key
  }
  return text;
}

namespace {

enum class Use { mask, unmask };

Result<void> check_usable(const Keyring& keyring, std::string_view id, Use use) {
  const KeyFacts* key = keyring.find(id);
  const std::string name = "key '" + std::string(id) + "'";
  if (key == nullptr) return fail(Fault::config, "the keyring has no " + name, "`sluice keys list` shows its keys");
  if (!key->fernet_domain.empty()) {
    return fail(Fault::config, name + " is a Fernet key of the domain " + key->fernet_domain + ", and no other mask's",
                "mask_fernet takes it by itself in that domain; leave the key out");
  }
  if (key->status == KeyStatus::disabled) {
    return fail(Fault::config, name + " is disabled in the keyring",
                "`sluice keys enable --decrypt-only` lets it read again");
  }
  if (use == Use::mask && key->status == KeyStatus::decrypt_only) {
    return fail(Fault::config, name + " is decrypt-only: nothing is masked with it",
                "leave the key out, or name an enabled one");
  }
  return {};
}

Result<std::unique_ptr<Mask>> make_for(Use use, const MaskKind& kind, const Keyring* keyring, MaskArguments arguments,
                                       std::string_view key_id) {
  if (kind.keyed && keyring == nullptr) {
    return fail(Fault::config, std::string(kind.function) + " needs a keyring",
                "make one by `sluice keys init keys.json`");
  }
  if (kind.keyed && !key_id.empty()) SLUICE_CHECK(check_usable(*keyring, key_id, use));
  if (arguments.size() > kind.parameters.size())
    return fail(Fault::config, std::string(kind.function) + ": too many arguments");
  while (arguments.size() < kind.parameters.size()) {
    const MaskParameter& parameter = kind.parameters[arguments.size()];
    if (!parameter.otherwise)
      return fail(Fault::config, std::string(kind.function) + ": the " + std::string(parameter.name) + " is missing",
                  std::string(parameter.name) + ": " + std::string(parameter.help));
    arguments.emplace_back(*parameter.otherwise);
  }
  auto made = kind.make(keyring, kind.keyed && key_id.empty() ? keyring->primary_id() : key_id, arguments);
  if (!made) return fail(within(kind, std::move(made).error()));
  return made;
}

}  // namespace

Result<std::unique_ptr<Mask>> make_mask(const MaskKind& kind, const Keyring* keyring, MaskArguments arguments,
                                        std::string_view key_id) {
  return make_for(Use::mask, kind, keyring, std::move(arguments), key_id);
}

Result<void> check_domain(std::string_view name) {
  if (!name.empty() && name.size() <= 64) return {};
  return fail(Fault::config, "a domain has 1 to 64 characters");
}

Result<Form> read_form(std::string_view name, std::string_view domain_name) {
  if (name.empty()) return form_of_domain(domain_name);
  if (const auto named = parse_form(name)) return *named;
  const std::vector<std::string> known{"ip", "device", "email", "text"};
  return fail(Fault::config, "there is no form '" + std::string(name) + "'", did_you_mean(name, known));
}

Result<unsigned> read_number(std::string_view name, std::string_view digits, unsigned least, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc{} && end == digits.data() + digits.size() && number >= least && number <= most) return number;
  return fail(Fault::config,
              std::string(name) + " is a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

Result<Unmasker> Unmasker::open(const MaskKind& kind, const Keyring* keyring, MaskArguments arguments,
                                std::string key_id) {
  if (!kind.recoverable()) {
    return fail(Fault::config, std::string(kind.function) + " cannot be undone: nobody can recover its values",
                "mask with mask_siv where a value must be recovered");
  }
  Unmasker unmasker(kind, keyring, std::move(arguments), std::move(key_id));
  if (keyring != nullptr)
    SLUICE_CHECK(unmasker.under(unmasker.key_id_.empty() ? keyring->primary_id() : unmasker.key_id_));
  return unmasker;
}

Result<Mask*> Unmasker::under(std::string_view id) {
  if (const auto found = masks_.find(id); found != masks_.end()) return found->second.get();
  SLUICE_TRY(auto made, make_for(Use::unmask, *kind_, keyring_, arguments_, id));
  return masks_.emplace(id, std::move(made)).first->second.get();
}

Result<std::string> Unmasker::unmask(std::string_view token) {
  if (kind_->key == TokenKey::in_front) return by_id_in_front(token);
  if (kind_->key == TokenKey::tried && key_id_.empty()) return by_trying(token);
  const std::string_view id = key_id_.empty() ? keyring_->primary_id() : key_id_;
  SLUICE_TRY(Mask * mask, under(id));
  std::string value;
  if (const char* reason = mask->unmask(token, value)) return fail(refused(reason, id));
  return value;
}

Result<std::string> Unmasker::unmask(std::string_view token, std::string_view key_id) {
  if (!is_key_id(key_id)) {
    return fail(Fault::data, "what stands there as the token's key is no id of a key",
                "an id is k and a number, such as k1; `mask_key()` gives it");
  }
  SLUICE_TRY(Mask * mask, under(key_id));
  std::string value;
  if (const char* reason = mask->unmask(token, value)) return fail(refused(reason, key_id));
  return value;
}

Result<std::string> Unmasker::by_id_in_front(std::string_view token) {
  const std::size_t dot = token.find('.');
  const std::string_view id = token.substr(0, dot);
  if (dot == std::string_view::npos || !is_key_id(id)) {
    return fail(Fault::data, "not a token: a token starts with a key's id and a dot, such as k1.");
  }
  if (!keyring_->has(id)) {
    auto usable = check_usable(*keyring_, id, Use::unmask);
    return fail(std::move(usable).error().within("the token is of a key that cannot be used"));
  }
  if (!key_id_.empty() && id != key_id_)
    return fail(Fault::data, "the token is of key '" + std::string(id) + "', not '" + key_id_ + "'");
  SLUICE_TRY(Mask * mask, under(id));
  std::string value;
  if (const char* reason = mask->unmask(token, value)) return fail(refused(reason, id));
  return value;
}

Result<std::string> Unmasker::by_trying(std::string_view token) {
  const char* reason = nullptr;
  for (const std::string& id : keyring_->ids()) {
    SLUICE_TRY(Mask * mask, under(id));
    std::string value;
    const char* refusal = mask->unmask(token, value);
    if (refusal == nullptr) return value;
    if (reason == nullptr || std::string_view(reason) == "not_a_token") reason = refusal;
  }
  return fail(refused(reason, {}));
}

// The disabled keys that might have made a token that tells its key to nobody.
std::string Unmasker::not_tried() const {
  const std::string_view in = arguments_.empty() ? *kind_->parameters[0].otherwise : std::string_view(arguments_[0]);
  std::vector<std::string> ids;
  for (const KeyFacts& key : keyring_->all()) {
    const bool fits = key.fernet_domain.empty() || key.fernet_domain == in;
    if (fits && key.status == KeyStatus::disabled) ids.push_back(key.id);
  }
  return join(ids, ", ");
}

Error Unmasker::refused(const char* reason, std::string_view id) const {
  const std::string function(kind_->function);
  const std::string_view code = reason;
  if (code == "not_a_token") {
    return {Fault::data, "not a token of " + function + ": it is cut off, or holds a character that no token has"};
  }
  if (code == "not_made_here") {
    const std::string untried = id.empty() ? not_tried() : "";
    return {Fault::data,
            "the token was not made by " + function +
                (id.empty() ? " with any key of the keyring" : " with key '" + std::string(id) + "'") +
                " in this domain and form, or it was changed" +
                (untried.empty() ? "" : "; not tried, since disabled: " + untried),
            untried.empty() ? "check the domain, the form and the keyring; a token of mask_hmac cannot be undone"
                            : "`sluice keys enable --decrypt-only` lets a key read again; check the domain, too"};
  }
  return {Fault::data, function + ": not a token: " + std::string(reason)};
}

}  // namespace sluice::mask

// The masks: functions that hide a value. Most are keyed and turn equal values into equal tokens.
//
// A mask is one file with its make function, one row in mask.cpp's table, one test and one paragraph of
// docs/masks.md, which has every byte of a token. SQL, `sluice mask`, `sluice unmask` and the warnings of
// `sluice validate` follow from the row.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/mask/canonical.hpp"
#include "sluice/mask/keyring.hpp"

namespace sluice::mask {

// Dates that can be masked, and come out: 0001-01-01 to 9999-12-31, as days since 1970-01-01.
inline constexpr std::int32_t date_min = -719'162;
inline constexpr std::int32_t date_max = 2'932'896;

// One mask under one key and with its arguments, with all that depends on these computed. Used by one thread.
class Mask {
 public:
  virtual ~Mask() = default;

  // Replaces `out` by the token of `value`; allocates nothing once `out` has grown. nullptr: done; else the
  // reason code why there is none, and `out` is empty. Of a mask of dates the value is "2026-01-31", a tab, and
  // the entity.
  virtual const char* mask(std::string_view value, std::string& out) = 0;

  // The same for a token in place of `old`, one of another key that gave this value back: what it tells beside the
  // value stays.
  virtual const char* mask_again(std::string_view value, std::string_view old, std::string& out);

  // The way back, for masks that have one: the value in its canonical form.
  virtual const char* unmask(std::string_view token, std::string& out);

  // Of a mask whose tokens prove their key: whether it is the key that mask() uses.
  virtual bool made(std::string_view token);

  // Of a mask of dates: by how many days those of `entity` are moved.
  virtual const char* days(std::string_view entity, std::int32_t& out);
};

// What a call gives beside the value: a constant, a text or a whole number.
struct MaskParameter {
  std::string_view name;  // in messages, and as an option of `sluice mask`
  std::string_view help;
  std::optional<std::string_view> otherwise{};  // what stands for it where it is left out; empty: it must be given
  bool number = false;
};

// One text a parameter of the kind, in their order.
using MaskArguments = std::vector<std::string>;

enum class MaskInput { text, date };  // a date comes with the entity that it belongs to

// How the key of a token is found.
enum class TokenKey {
  none,      // there is no way back
  in_front,  // its id stands in front of the token
  tried,     // the token proves its key: each is tried
  told,      // nothing in the token tells: the primary key, unless the user names another
};

struct MaskKind {
  std::string_view function;  // its name in SQL
  MaskInput input;
  bool keyed;       // needs a keyring
  bool repeatable;  // equal values get equal tokens; false: a new token each time, useless as a key
  TokenKey key;
  std::span<const MaskParameter> parameters;
  // `keyring` may be null where the mask is not keyed. Errors (config) are about the arguments.
  Result<std::unique_ptr<Mask>> (*make)(const Keyring* keyring, std::string_view key_id,
                                        const MaskArguments& arguments);
  std::string_view help;       // one line
  std::string_view warning{};  // what `validate` says to whoever uses it; empty: nothing
  std::optional<Form> form{};  // of the values that it is made for; empty: of any, or as its arguments say

  bool recoverable() const { return key != TokenKey::none; }
  std::size_t required() const;  // how many parameters must be given
};

// For people: "mask_siv, domain ip", with as many of its parameters as `arguments` has, and without secrets.
std::string call_text(const MaskKind& kind, const MaskArguments& arguments);

// All masks there are.
std::span<const MaskKind> mask_kinds();

// By "mask_siv" or "siv". The error names the nearest one.
Result<const MaskKind*> find_mask(std::string_view name);

// Under key `key_id`, or the primary one where that is empty. Parameters that `arguments` leaves out at its end get
// their default. Errors name the function and the parameter.
Result<std::unique_ptr<Mask>> make_mask(const MaskKind& kind, const Keyring* keyring, MaskArguments arguments,
                                        std::string_view key_id = {});

// Takes tokens of one mask back, of whatever key of the keyring. Used by one thread; the keyring outlives it.
class Unmasker {
 public:
  // Checks function, arguments and, where `key_id` is not empty, that key: it is then the only one that is used.
  static Result<Unmasker> open(const MaskKind& kind, const Keyring* keyring, MaskArguments arguments,
                               std::string key_id = {});

  // The value in its canonical form. No error repeats the token: what a user passes by mistake may be a clear value.
  Result<std::string> unmask(std::string_view token);
  // Of a mask whose tokens do not tell their key: by the key that somebody noted. An id that is no key's id is not
  // repeated either.
  Result<std::string> unmask(std::string_view token, std::string_view key_id);

 private:
  Unmasker(const MaskKind& kind, const Keyring* keyring, MaskArguments arguments, std::string key_id)
      : kind_(&kind), keyring_(keyring), arguments_(std::move(arguments)), key_id_(std::move(key_id)) {}
  Result<Mask*> under(std::string_view id);
  Result<std::string> by_id_in_front(std::string_view token);
  Result<std::string> by_trying(std::string_view token);
  std::string not_tried() const;
  Error refused(const char* reason, std::string_view id) const;

  const MaskKind* kind_;
  const Keyring* keyring_;
  MaskArguments arguments_;
  std::string key_id_;
  std::map<std::string, std::unique_ptr<Mask>, std::less<>> masks_;  // by key
};

}  // namespace sluice::mask

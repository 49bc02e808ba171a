#include "sluice/cli/rewrap_tokens.hpp"

#include <openssl/crypto.h>

namespace sluice::cli {
namespace {

// A mask of dates takes and gives the date, a tab and the entity.
std::string with_entity(std::string date, const OldText& row) { return std::move(date) + '\t' + *row.beside; }

}  // namespace

Result<RewrapTokens> RewrapTokens::open(const mask::MaskKind& kind, const mask::Keyring& keyring,
                                        const mask::MaskArguments& arguments) {
  SLUICE_TRY(auto unmasker, mask::Unmasker::open(kind, &keyring, arguments));
  SLUICE_TRY(auto mask, mask::make_mask(kind, &keyring, arguments));
  std::string key_id = keyring.primary_id();
  if (kind.key == mask::TokenKey::tried) {
    for (const mask::KeyFacts* key : keyring.fernet_keys(arguments.at(0))) {
      if (key->status == mask::KeyStatus::enabled) key_id = key->id;
    }
  }
  return RewrapTokens(kind, std::move(unmasker), std::move(mask), std::move(key_id));
}

Result<std::optional<std::string>> RewrapTokens::renewed(const OldText& row) {
  if (kind_->key == mask::TokenKey::tried && mask_->made(row.text)) return std::nullopt;
  Result<std::string> value = clear(row);
  if (!value) return fail(std::move(value).error().within(row.place));
  if (kind_->input == mask::MaskInput::date) *value = with_entity(std::move(*value), row);
  std::string token;
  const char* refusal = mask_->mask_again(*value, row.text, token);
  OPENSSL_cleanse(value->data(), value->size());
  if (refusal != nullptr) {
    return fail(Fault::data,
                row.place + ": " + std::string(kind_->function) + " refuses the value behind the token: " + refusal);
  }
  return token;
}

Result<std::string> RewrapTokens::clear(const OldText& row) {
  if (kind_->input == mask::MaskInput::date && !row.beside) {
    return fail(Fault::data, "its entity is NULL",
                "the column must hold what was given to " + std::string(kind_->function) + " as the entity");
  }
  if (kind_->key != mask::TokenKey::told) return unmasker_.unmask(row.text);
  if (!row.key) {
    return fail(Fault::data, "its key is NULL, and nothing in a token of " + std::string(kind_->function) + " tells it",
                "note the key there if you know it, such as k1, or load the row again; a wrong key would give a wrong "
                "value, and no error");
  }
  return unmasker_.unmask(kind_->input == mask::MaskInput::date ? with_entity(row.text, row) : row.text, *row.key);
}

}  // namespace sluice::cli

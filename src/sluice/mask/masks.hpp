// The make functions of all masks, for the table in mask.cpp.
#pragma once

#include "sluice/mask/mask.hpp"

namespace sluice::mask {

using Made = Result<std::unique_ptr<Mask>>;

Made make_hmac(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_siv(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_ip(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_ip_prefix(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_fpe(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_fernet(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_seal(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_date_shift(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_sha256(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_partial(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_redact(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_truncate_ip(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);
Made make_email(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments);

}  // namespace sluice::mask

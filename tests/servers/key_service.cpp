#include "key_service.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <chrono>
#include <memory>

#include "digest.hpp"

namespace sluice::servers {
namespace {

constexpr std::string_view account = "111122223333";
constexpr int nonce_size = 12;
constexpr int tag_size = 16;

const unsigned char* raw(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

std::string random_bytes(int size) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  RAND_bytes(raw(bytes), size);
  return bytes;
}

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(raw(text), raw(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// AES-256-GCM; `bound` is sealed with it: the encryption context.
std::string seal(const std::string& master, const std::string& bound, const std::string& plain) {
  const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const std::string nonce = random_bytes(nonce_size);
  std::string sealed(plain.size(), '\0');
  std::string tag(tag_size, '\0');
  int size = 0;
  EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(master), raw(nonce));
  EVP_EncryptUpdate(context.get(), nullptr, &size, raw(bound), static_cast<int>(bound.size()));
  EVP_EncryptUpdate(context.get(), raw(sealed), &size, raw(plain), static_cast<int>(plain.size()));
  EVP_EncryptFinal_ex(context.get(), nullptr, &size);
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_size, raw(tag));
  return nonce + sealed + tag;
}

bool unseal(const std::string& master, const std::string& bound, const std::string& all, std::string& plain) {
  if (all.size() < nonce_size + tag_size) return false;
  const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const std::string sealed = all.substr(nonce_size, all.size() - nonce_size - tag_size);
  std::string tag = all.substr(all.size() - tag_size);
  plain.assign(sealed.size(), '\0');
  int size = 0;
  EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(master), raw(all));
  EVP_DecryptUpdate(context.get(), nullptr, &size, raw(bound), static_cast<int>(bound.size()));
  EVP_DecryptUpdate(context.get(), raw(plain), &size, raw(sealed), static_cast<int>(sealed.size()));
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_size, raw(tag));
  return EVP_DecryptFinal_ex(context.get(), nullptr, &size) == 1;
}

std::string text(const nlohmann::json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

// Members in one order, as KMS has it: the order they were given in means nothing.
std::string context_of(const nlohmann::json& body) {
  return body.value("EncryptionContext", nlohmann::json::object()).dump();
}

}  // namespace

KeyService::KeyService(KeyServiceOptions options, HttpLoop& loop) : options_(std::move(options)), loop_(loop) {
  for (const std::string& id : options_.kms_keys) keys_[id].master = random_bytes(32);
}

std::string KeyService::arn_of(const std::string& id) const {
  return "arn:aws:kms:" + options_.region + ":" + std::string(account) + ":key/" + id;
}

void KeyService::handle(HttpLoop::Ticket ticket, const HttpRequest& request) {
  if (request.path.starts_with("/_control")) return control(ticket, request);
  const std::string target(request.header("x-amz-target"));
  const bool kms = target.starts_with("TrentService.");
  const std::string action = target.substr(target.find('.') + 1);
  ++calls_[action];
  Ending ending = Ending::keep;
  for (const FaultList::Strike& strike : faults_.on(action)) {
    if (strike.name == "cut") return loop_.answer(ticket, {.ending = Ending::cut});
    if (strike.name == "truncated") {
      ending = Ending::truncate;
    } else if (strike.name == "web_page") {
      return loop_.answer(ticket, {.content_type = "text/html", .body = "<html>hello</html>"});
    } else if (strike.name == "empty") {
      return loop_.answer(ticket, {.content_type = "application/x-amz-json-1.1", .body = "{}"});
    } else {
      return refuse(ticket, {strike.name.ends_with("InternalException") ? 500 : 400, std::string(strike.name)});
    }
  }
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  switch (check_signature(request, options_.key, now, kms ? "kms" : "secretsmanager")) {
    case Signature::good: break;
    case Signature::absent: return refuse(ticket, {400, "MissingAuthenticationTokenException"});
    case Signature::unknown_key: return refuse(ticket, {400, "UnrecognizedClientException"});
    default: return refuse(ticket, {400, "InvalidSignatureException"});
  }
  if (signed_region(request) != options_.region) return refuse(ticket, {400, "InvalidSignatureException"});
  if (request.method != "POST" || request.header("content-type") != "application/x-amz-json-1.1")
    return refuse(ticket, {404, "UnknownOperationException"});
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return refuse(ticket, {400, "SerializationException"});
  try {
    answer(ticket, 200, do_call(target, body), ending);
  } catch (const Refusal& refusal) {
    refuse(ticket, refusal);
  }
}

KeyService::Json KeyService::do_call(std::string_view target, const Json& body) {
  if (target == "TrentService.GenerateDataKey") return generate(body);
  if (target == "TrentService.Decrypt") return decrypt(body);
  if (target == "secretsmanager.GetSecretValue") return get_secret(body);
  throw Refusal{400, "UnknownOperationException"};
}

// By id, ARN, or the alias "alias/ID".
KeyService::KmsKey& KeyService::find_key(const std::string& named, std::string& id) {
  id = named.substr(named.rfind('/') == std::string::npos ? 0 : named.rfind('/') + 1);
  const auto found = keys_.find(id);
  if (found == keys_.end() || (named.starts_with("arn:") && named != arn_of(id)))
    throw Refusal{400, "NotFoundException"};
  if (found->second.state == "Disabled") throw Refusal{400, "DisabledException"};
  if (found->second.state != "Enabled") throw Refusal{400, "KMSInvalidStateException"};
  return found->second;
}

KeyService::Json KeyService::generate(const Json& body) {
  std::string id;
  const KmsKey& key = find_key(text(body, "KeyId"), id);
  const int size = text(body, "KeySpec") == "AES_256" ? 32 : body.value("NumberOfBytes", 0);
  if (size < 1 || size > 1024) throw Refusal{400, "ValidationException"};
  const std::string plain = random_bytes(size);
  // The key's id is in front, since Decrypt need not name it.
  const std::string blob = id + '\0' + seal(key.master, context_of(body), plain);
  return {{"KeyId", arn_of(id)}, {"Plaintext", base64(plain)}, {"CiphertextBlob", base64(blob)}};
}

KeyService::Json KeyService::decrypt(const Json& body) {
  std::string blob;
  if (!decode_base64(text(body, "CiphertextBlob"), blob)) throw Refusal{400, "SerializationException"};
  const std::size_t end = blob.find('\0');
  if (end == std::string::npos || !keys_.contains(blob.substr(0, end)))
    throw Refusal{400, "InvalidCiphertextException"};
  std::string id = blob.substr(0, end);
  if (body.contains("KeyId")) find_key(text(body, "KeyId"), id);
  if (id != blob.substr(0, end)) throw Refusal{400, "IncorrectKeyException"};
  const KmsKey& key = find_key(id, id);
  std::string plain;
  if (!unseal(key.master, context_of(body), blob.substr(end + 1), plain))
    throw Refusal{400, "InvalidCiphertextException"};
  return {{"KeyId", arn_of(id)}, {"Plaintext", base64(plain)}, {"EncryptionAlgorithm", "SYMMETRIC_DEFAULT"}};
}

KeyService::Json KeyService::get_secret(const Json& body) const {
  std::string name = text(body, "SecretId");
  const std::string arn = "arn:aws:secretsmanager:" + options_.region + ":" + std::string(account) + ":secret:";
  if (name.starts_with(arn)) name = name.substr(arn.size(), name.size() - arn.size() - 7);  // six characters behind '-'
  const auto found = secrets_.find(name);
  if (found == secrets_.end()) throw Refusal{400, "ResourceNotFoundException"};
  Json out = {{"ARN", arn + name + "-a1B2c3"},
              {"Name", name},
              {"VersionId", std::string(32, '0')},
              {"VersionStages", {"AWSCURRENT"}}};
  out.update(found->second);
  return out;
}

void KeyService::answer(HttpLoop::Ticket ticket, int status, const Json& body, Ending ending) {
  const std::string text = body.dump();
  const std::string headers = "x-amzn-RequestId: request-" + std::to_string(++served_) + "\r\n";
  loop_.answer(ticket, {.status = status,
                        .content_type = "application/x-amz-json-1.1",
                        .headers = headers,
                        .body = text,
                        .ending = ending});
}

void KeyService::refuse(HttpLoop::Ticket ticket, const Refusal& refusal) {
  answer(ticket, refusal.status, {{"__type", refusal.code}, {"message", "refused, and the text may say anything"}});
}

void KeyService::control(HttpLoop::Ticket ticket, const HttpRequest& request) {
  const Parameters query = read_parameters(request.query);
  if (request.method == "DELETE") {
    faults_.clear();
  } else if (request.path == "/_control/key") {
    KmsKey& key = keys_[text_of(query, "id")];
    if (key.master.empty()) key.master = random_bytes(32);
    key.state = text_of(query, "state").empty() ? "Enabled" : text_of(query, "state");
  } else if (request.path == "/_control/secret") {
    const bool binary = !text_of(query, "binary").empty();
    Json& secret = secrets_[text_of(query, "name")] = Json::object();
    if (binary) {
      secret["SecretBinary"] = base64(std::string(request.body));
    } else {
      secret["SecretString"] = std::string(request.body);
    }
  } else if (request.path == "/_control/calls") {
    return answer(ticket, 200, calls_);
  } else if (!text_of(query, "fault").empty()) {
    faults_.add(text_of(query, "fault"), query);
  } else {
    return answer(ticket, 404, Json::object());
  }
  answer(ticket, 200, Json::object());
}

}  // namespace sluice::servers

#include "sluice/aws/s3_errors.hpp"

#include <array>

namespace sluice::aws {
namespace {

std::string right_of(std::string_view action) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> rights{{
      {"HeadObject", "s3:GetObject"},
      {"ListObjectsV2", "s3:ListBucket"},
      {"CreateMultipartUpload", "s3:PutObject"},
      {"UploadPart", "s3:PutObject"},
      {"CompleteMultipartUpload", "s3:PutObject"},
      {"AbortMultipartUpload", "s3:AbortMultipartUpload"},
      {"ListMultipartUploads", "s3:ListBucketMultipartUploads"},
      {"DeleteObject", "s3:DeleteObject"},
  }};
  for (const auto& [name, right] : rights) {
    if (name == action) return std::string(right);
  }
  return "s3:" + std::string(action);
}

bool is_write(std::string_view action) { return action == "PutObject" || action == "CompleteMultipartUpload"; }

// For an answer without a body, as every answer to HEAD is.
std::string_view code_of(int status) {
  switch (status) {
    case 301: return "PermanentRedirect";
    case 404: return "NoSuchKey";
    case 409: return "OperationAborted";
    case 412: return "PreconditionFailed";
    case 416: return "InvalidRange";
    case 503: return "SlowDown";
    default: return {};
  }
}

}  // namespace

S3Error describe_s3_error(const FailedS3Call& call, const std::optional<RemoteError>& remote) {
  const std::string code = remote ? remote->code : std::string(code_of(call.status));
  std::string text = std::string(call.action) + " " + call.place + ": ";
  if (code.empty()) {
    text += std::string(call.endpoint) + " answered with HTTP status " + std::to_string(call.status);
    if (call.status == 429) return {S3Trouble::throttled, {Fault::transient, std::move(text), "the server is busy"}};
    if (call.status >= 500 && call.status != 501) return {S3Trouble::transient, {Fault::transient, std::move(text)}};
    if (call.status == 401 || call.status == 403) {
      return {S3Trouble::denied,
              {Fault::denied, std::move(text),
               "allow " + right_of(call.action) + " on " + call.place +
                   "; without s3:ListBucket a missing key is refused, too"}};
    }
    return {S3Trouble::refused, {Fault::failed, text + " and nothing that S3 says", "is this an S3 endpoint?"}};
  }
  text += code + " (region " + std::string(call.region);
  if (remote && !remote->request_id.empty()) text += ", request " + remote->request_id;
  text += ")";
  const RemoteError named = remote ? *remote : RemoteError{code};

  if (is_throttled(named) || call.status == 429) {
    return {S3Trouble::throttled, {Fault::transient, std::move(text), "S3 asks to go slower; run with fewer at once"}};
  }
  if (code == "ConditionalRequestConflict" || code == "OperationAborted") {
    return {S3Trouble::busy,
            {Fault::transient, std::move(text), "another writer writes the same key at this moment; try again"}};
  }
  if (code == "NoSuchKey") {
    return {S3Trouble::no_key,
            {Fault::conflict, "there is no object " + call.place + ": " + text, "check bucket and key"}};
  }
  if (code == "NoSuchBucket") {
    return {S3Trouble::no_bucket,
            {Fault::denied, "there is no bucket " + std::string(call.bucket) + ": " + text, "check the bucket's name"}};
  }
  if (code == "NoSuchUpload") {
    return {S3Trouble::no_upload,
            {Fault::conflict, "the upload is gone: " + text, "it was aborted meanwhile; run again"}};
  }
  if (code == "PreconditionFailed" || call.status == 412) {
    const bool write = is_write(call.action);
    return {
        S3Trouble::changed,
        {Fault::conflict,
         (write ? "another writer has written " : "overwritten while it was read: ") + call.place + ": " + text,
         write ? "look at what is there, then run again" : "run again: the new version is read from its beginning"}};
  }
  if (code == "InvalidRange") return {S3Trouble::range, {Fault::conflict, std::move(text)}};
  if (code == "PermanentRedirect" || code == "TemporaryRedirect" || code == "AuthorizationHeaderMalformed" ||
      code == "IncorrectEndpoint") {
    S3Error error{S3Trouble::redirected, {Fault::config, std::move(text), "set region: to where the bucket is"}};
    error.region = named.region;
    if (!error.region.empty()) error.error.hint = "set region: " + error.region;
    return error;
  }
  if (is_out_of_date(named)) {
    return {S3Trouble::denied, {Fault::denied, "the credentials have expired: " + text, "get new ones, and run again"}};
  }
  if (is_wrong_signature(named)) {
    return {
        S3Trouble::denied,
        {Fault::denied, "the signature was refused: " + text, "check the secret access key, and this machine's clock"}};
  }
  if (is_unknown_key(named)) {
    return {S3Trouble::denied,
            {Fault::denied, "the credentials are not known: " + text,
             "check AWS_ACCESS_KEY_ID, or profile: on the connection"}};
  }
  if (call.status == 403 || code == "AccessDenied") {
    return {S3Trouble::denied,
            {Fault::denied, "not allowed: " + text,
             "allow " + right_of(call.action) + " on " + call.place +
                 " in the policy of the user, role or bucket; an object encrypted by KMS also wants "
                 "kms:Decrypt, and to be written kms:GenerateDataKey"}};
  }
  if (code == "InvalidObjectState") {
    return {S3Trouble::refused, {Fault::conflict, "archived: " + text, "restore the object from its archive first"}};
  }
  if (code == "EntityTooSmall" || code == "EntityTooLarge" || code == "BadDigest" || code == "InvalidPart") {
    return {S3Trouble::refused, {Fault::failed, std::move(text), "what was sent and what arrived differ; run again"}};
  }
  if (code == "RequestTimeout" || code == "IncompleteBody" || (call.status >= 500 && call.status != 501)) {
    return {S3Trouble::transient, {Fault::transient, std::move(text)}};
  }
  // Inside a 200 every other code that AWS documents is a failure of its own.
  if (call.status == 200) return {S3Trouble::transient, {Fault::transient, std::move(text)}};
  return {S3Trouble::refused, {Fault::failed, std::move(text)}};
}

}  // namespace sluice::aws

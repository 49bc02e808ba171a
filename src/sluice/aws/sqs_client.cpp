#include "sluice/aws/sqs_client.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sluice/aws/signed_calls.hpp"
#include "sluice/aws/sqs_errors.hpp"
#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds answer_time{20};  // for an answer, beyond the long poll

// No whole answer came, or there is nothing to sign with.
SqsError unreachable(Error error, std::string_view action) {
  SqsTrouble trouble = SqsTrouble::refused;
  if (error.fault == Fault::denied) trouble = SqsTrouble::denied;
  if (error.retryable()) trouble = SqsTrouble::transient;
  return {trouble, std::move(error).within(action)};
}

template <class T>
SqsResult<T> read_answer(Result<T> read, std::string_view action) {
  if (!read) return tl::unexpected(unreachable(std::move(read).error(), action));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*read);
  }
}

}  // namespace

class SqsClient::Impl {
 public:
  using AnswerDone = std::function<void(SqsResult<Response>)>;

  Impl(SqsOptions options, const Clock& clock, SqsKnown known)
      : options_(std::move(options)),
        known_(std::move(known)),
        calls_({.connection = options_.connection,
                .service = "sqs",
                .region = options_.region,
                .credentials = options_.credentials,
                .http = {.insecure = options_.insecure}},
               clock, [this](const Response& response) { return protocol_->read_error(response); }) {
    if (options_.protocol != ProtocolChoice::automatic) known_.protocol = options_.protocol;
    if (options_.key.from != KeyRule::From::automatic) known_.key = options_.key.from;
    if (known_.url.empty()) known_.url = options_.url;
    use_protocol(known_.protocol);
  }

  SqsResult<void> find_queue() {
    if (known_.protocol == ProtocolChoice::automatic) {
      auto found = ask_queue(ProtocolChoice::json);
      if (found || !asked_in_vain_) {
        if (found) known_.protocol = ProtocolChoice::json;
        return found;
      }
      auto error = std::move(found);
      found = ask_queue(ProtocolChoice::query);
      if (asked_in_vain_) return error;  // neither: the first one says more
      if (found) known_.protocol = ProtocolChoice::query;
      return found;
    }
    return ask_queue(known_.protocol);
  }

  SqsResult<SqsAttributes> attributes() {
    auto answer = wait_for("GetQueueAttributes", protocol_->get_attributes(known_.url), known_.url);
    if (!answer) return tl::unexpected(std::move(answer).error());
    auto read = read_attributes(*answer);
    if (!read) return read;
    known_.fifo = read->facts.fifo;
    if (options_.key.from == KeyRule::From::automatic) {
      // A deduplication id that SQS makes of the body is that of any equal body, days later too.
      const bool of_producer = read->facts.fifo && !read->content_deduplication;
      known_.key = of_producer ? KeyRule::From::deduplication_id : KeyRule::From::message_id;
    }
    return read;
  }

  void attributes(AttributesDone done) {
    start("GetQueueAttributes", protocol_->get_attributes(known_.url), known_.url, seconds(0),
          [this, done = std::move(done)](SqsResult<Response> answer) {
            if (!answer) return done(tl::unexpected(std::move(answer).error()));
            done(read_attributes(*answer));
          });
  }

  SqsResult<std::vector<BatchFailure>> send(std::span<const OutgoingMessage> messages) {
    auto answer = wait_for("SendMessageBatch", protocol_->send(known_.url, messages), known_.url);
    if (!answer) return tl::unexpected(std::move(answer).error());
    return read_answer(protocol_->read_batch(answer->body, messages.size()), "SendMessageBatch");
  }

  SqsResult<std::chrono::hours> retention_of(const std::string& arn) {
    const std::size_t name = arn.rfind(':');
    const std::size_t account = name == std::string::npos ? name : arn.rfind(':', name - 1);
    if (account == std::string::npos) return tl::unexpected(SqsError{SqsTrouble::refused, {}});
    auto answer = wait_for("GetQueueUrl",
                           protocol_->get_queue_url(std::string_view(arn).substr(name + 1),
                                                    std::string_view(arn).substr(account + 1, name - account - 1)),
                           "");
    if (!answer) return tl::unexpected(std::move(answer).error());
    auto url = protocol_->read_queue_url(answer->body);
    if (!url) return tl::unexpected(unreachable(std::move(url).error(), "GetQueueUrl"));
    answer = wait_for("GetQueueAttributes", protocol_->get_attributes(*url), *url);
    if (!answer) return tl::unexpected(std::move(answer).error());
    auto read = read_attributes(*answer);
    if (!read) return tl::unexpected(std::move(read).error());
    return read->facts.retention;
  }

  void receive(const ReceiveCall& call, ReceiveDone done) {
    if (!reader_) {
      KeyRule rule = options_.key;
      rule.from = known_.key == KeyRule::From::automatic ? KeyRule::From::message_id : known_.key;
      reader_ = std::make_unique<MessageReader>(std::move(rule));
    }
    start("ReceiveMessage", protocol_->receive(known_.url, call), known_.url, call.wait,
          [this, done = std::move(done)](SqsResult<Response> answer) {
            if (!answer) return done(tl::unexpected(std::move(answer).error()), received_);
            auto read = read_answer(protocol_->read_received(answer->body, *reader_, received_), "ReceiveMessage");
            done(std::move(read), received_);
          });
  }

  void batch(BatchKind kind, std::span<const std::string_view> handles, seconds visibility, BatchDone done) {
    const std::string_view action = kind == BatchKind::remove ? "DeleteMessageBatch" : "ChangeMessageVisibilityBatch";
    start(action, protocol_->batch(kind, known_.url, handles, visibility), known_.url, seconds(0),
          [this, action, entries = handles.size(), done = std::move(done)](SqsResult<Response> answer) {
            if (!answer) return done(tl::unexpected(std::move(answer).error()));
            done(read_answer(protocol_->read_batch(answer->body, entries), action));
          });
  }

  SignedCalls& calls() { return calls_; }
  const SqsKnown& known() const { return known_; }

 private:
  void use_protocol(ProtocolChoice choice) {
    protocol_ = choice == ProtocolChoice::query ? make_query_protocol() : make_json_protocol();
  }

  // With a known URL the attributes are asked for instead: some call must show that the queue is there.
  SqsResult<void> ask_queue(ProtocolChoice choice) {
    use_protocol(choice);
    if (known_.url.empty()) {
      auto answer = wait_for("GetQueueUrl", protocol_->get_queue_url(options_.name, options_.account), "");
      if (!answer) return tl::unexpected(std::move(answer).error());
      auto url = protocol_->read_queue_url(answer->body);
      asked_in_vain_ = !url;
      if (!url) return tl::unexpected(unreachable(std::move(url).error(), "GetQueueUrl"));
      known_.url = std::move(*url);
      return {};
    }
    auto answer = wait_for("GetQueueAttributes", protocol_->get_attributes(known_.url), known_.url);
    if (!answer) return tl::unexpected(std::move(answer).error());
    auto read = read_attributes(*answer);
    asked_in_vain_ = !read;
    if (!read) return tl::unexpected(std::move(read).error());
    return {};
  }

  SqsResult<SqsAttributes> read_attributes(Response& answer) {
    auto read = read_answer(protocol_->read_attributes(answer.body), "GetQueueAttributes");
    if (!read) return tl::unexpected(std::move(read).error());
    return read_sqs_attributes(*read);
  }

  SqsResult<Response> wait_for(std::string_view action, std::string body, const std::string& url) {
    std::optional<SqsResult<Response>> answer;
    start(action, std::move(body), url, seconds(0), [&answer](SqsResult<Response> got) { answer = std::move(got); });
    while (!answer) calls_.work(milliseconds(1000));
    return std::move(*answer);
  }

  void start(std::string_view action, std::string body, const std::string& url, seconds wait, AnswerDone done) {
    Request request;
    request.url = options_.endpoint;
    const auto queue = protocol_->posts_to_queue() && !url.empty() ? split_url(url) : std::nullopt;
    if (queue && !queue->path.empty()) {
      request.url += queue->path;
    } else {
      request.url += '/';
    }
    protocol_->add_headers(request.headers, action);
    request.body = std::move(body);
    request.timeout = answer_time + wait;
    calls_.start(action, std::move(request), [this, action, done = std::move(done)](Result<Response> response) {
      done(judge(action, std::move(response)));
    });
  }

  SqsResult<Response> judge(std::string_view action, Result<Response> answer) {
    asked_in_vain_ = false;
    if (!answer) return tl::unexpected(unreachable(std::move(answer).error(), action));
    if (answer->status == 200) return std::move(*answer);
    const std::optional<RemoteError> remote = protocol_->read_error(*answer);
    asked_in_vain_ = !remote;
    return tl::unexpected(
        describe_sqs_error({action, options_.name, options_.region, options_.endpoint, answer->status}, remote));
  }

  SqsOptions options_;
  SqsKnown known_;
  std::unique_ptr<SqsProtocol> protocol_;
  std::unique_ptr<MessageReader> reader_;
  Received received_;           // used again for each answer
  bool asked_in_vain_ = false;  // the last answer was not one of this protocol
  SignedCalls calls_;
};

SqsClient::SqsClient(SqsOptions options, const Clock& clock, SqsKnown known)
    : impl_(std::make_unique<Impl>(std::move(options), clock, std::move(known))) {}
SqsClient::~SqsClient() = default;
SqsResult<void> SqsClient::find_queue() { return impl_->find_queue(); }
SqsResult<SqsAttributes> SqsClient::attributes() { return impl_->attributes(); }
SqsResult<std::vector<BatchFailure>> SqsClient::send(std::span<const OutgoingMessage> messages) {
  return impl_->send(messages);
}
SqsResult<std::chrono::hours> SqsClient::retention_of(const std::string& arn) { return impl_->retention_of(arn); }
const SqsKnown& SqsClient::known() const { return impl_->known(); }
std::string SqsClient::credentials_from() const { return impl_->calls().credentials_from(); }
void SqsClient::receive(const ReceiveCall& call, ReceiveDone done) { impl_->receive(call, std::move(done)); }
void SqsClient::batch(BatchKind kind, std::span<const std::string_view> handles, seconds visibility, BatchDone done) {
  impl_->batch(kind, handles, visibility, std::move(done));
}
void SqsClient::attributes(AttributesDone done) { impl_->attributes(std::move(done)); }
void SqsClient::work(milliseconds wait) { impl_->calls().work(wait); }
void SqsClient::wake() { impl_->calls().wake(); }
std::map<std::string, std::uint64_t> SqsClient::calls() const { return impl_->calls().calls(); }

SqsAttributes read_sqs_attributes(const std::map<std::string, std::string>& attributes) {
  SqsAttributes read;
  const auto number = [&attributes](const char* name, std::uint64_t otherwise) {
    const auto found = attributes.find(name);
    if (found == attributes.end()) return otherwise;
    std::uint64_t value = otherwise;
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
    return std::min(value, std::uint64_t{1} << 62U);
  };
  const auto is_true = [&attributes](const char* name) {
    const auto found = attributes.find(name);
    return found != attributes.end() && found->second == "true";
  };
  read.facts.depth.visible = number("ApproximateNumberOfMessages", 0);
  read.facts.depth.in_flight = number("ApproximateNumberOfMessagesNotVisible", 0);
  read.facts.depth.delayed = number("ApproximateNumberOfMessagesDelayed", 0);
  read.facts.visibility = seconds(number("VisibilityTimeout", 30));
  read.facts.retention = std::chrono::hours(number("MessageRetentionPeriod", 14 * 86400) / 3600);
  read.facts.fifo = is_true("FifoQueue");
  read.content_deduplication = is_true("ContentBasedDeduplication");
  if (const auto found = attributes.find("RedrivePolicy"); found != attributes.end()) {
    const auto policy = nlohmann::json::parse(found->second, nullptr, false);
    if (policy.is_object()) {
      if (const auto arn = policy.find("deadLetterTargetArn"); arn != policy.end() && arn->is_string()) {
        read.dead_letter_arn = arn->get<std::string>();
      }
      if (const auto most = policy.find("maxReceiveCount"); most != policy.end()) {  // a number or a text
        read.facts.receives_max = most->is_string()            ? count_of(most->get_ref<const std::string&>())
                                  : most->is_number_unsigned() ? most->get<unsigned>()
                                                               : 1U;
      }
    }
  }
  return read;
}

}  // namespace sluice::aws

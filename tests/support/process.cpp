#include "support/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sluice::support {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

std::vector<std::string> environment_with(const std::map<std::string, std::optional<std::string>>& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changes.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : changes) {
    if (value) out.push_back(name + "=" + *value);
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

TempFolder::TempFolder(const std::string& name) {
  std::string pattern = (std::filesystem::temp_directory_path() / ("sluice-" + name + "-XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Process::Process(const Command& command) : folder_("process") {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = environment_with(command.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  const std::string out_file = folder_.path() / "out";
  const std::string err_file = folder_.path() / "err";
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!command.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, command.folder.c_str());
  const int failed = posix_spawnp(&pid_, arguments.front().c_str(), &actions, nullptr, pointers(arguments).data(),
                                  pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + arguments.front() + ": " + std::strerror(failed));
}

Process::~Process() {
  if (!running()) return;
  send_signal(SIGKILL);
  wait(std::chrono::seconds(10));
}

void Process::send_signal(int number) const {
  if (!status_) kill(pid_, number);
}

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return !status_;
}

std::optional<Ended> Process::wait(std::chrono::milliseconds longest) {
  if (running()) {
    // A pidfd becomes readable when the process ends.
    const int ends = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (ends < 0) throw std::runtime_error("pidfd_open failed");
    pollfd watched{ends, POLLIN, 0};
    const int came = poll(&watched, 1, static_cast<int>(longest.count()));
    close(ends);
    if (came != 1 || running()) return std::nullopt;
  }
  Ended ended{WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -1, WIFSIGNALED(*status_) ? WTERMSIG(*status_) : 0, out(),
              err()};
  return ended;
}

std::string Process::out() const { return read_file(folder_.path() / "out"); }
std::string Process::err() const { return read_file(folder_.path() / "err"); }

Ended run(const Command& command) {
  Process process(command);
  std::optional<Ended> ended = process.wait(std::chrono::minutes(2));
  if (!ended) throw std::runtime_error(command.arguments.front() + " did not end within 2 minutes");
  return *std::move(ended);
}

int free_port() {
  const int socket_number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(socket_number, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     getsockname(socket_number, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(socket_number);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

}  // namespace sluice::support

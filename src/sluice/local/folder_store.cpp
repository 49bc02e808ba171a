#include "sluice/local/folder_store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <mutex>

#include "sluice/local/folder_files.hpp"

namespace sluice::local {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20U;
constexpr std::chrono::hours old_upload{24};

Error overwritten(const std::string& uri) {
  return {Fault::conflict, "overwritten while it was read: " + uri,
          "run again: the new version is read from its beginning"};
}

// An open file of one version.
class OpenObject {
 public:
  static Result<OpenObject> open(const FolderFiles& files, const std::string& key, const std::string& version) {
    SLUICE_TRY(const std::string path, files.path_of(key));
    OpenObject object(files, key, path);
    object.file_ = File(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!object.file_) {
      if (errno == ENOENT || errno == ENOTDIR) {
        return fail(Fault::conflict, "there is no object " + files.uri(key), "check folder and key");
      }
      return fail(folder_error("open " + path));
    }
    struct stat found {};
    if (fstat(object.file_.get(), &found) != 0) return fail(folder_error("look at " + path));
    if (!S_ISREG(found.st_mode)) {
      return fail(Fault::conflict, "there is no object " + files.uri(key) + ": it is a folder", "name a file below it");
    }
    object.facts_ = FolderFiles::facts_of(key, found);
    if (!version.empty() && version != object.facts_.version) return fail(overwritten(files.uri(key)));
    return object;
  }

  const ObjectFacts& facts() const { return facts_; }

  // Looks at the path again afterwards, so that what was read is of this version and it still is the object.
  Result<std::string> read(std::uint64_t offset, std::size_t length) const {
    std::string bytes;
    if (offset < facts_.bytes)
      bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, facts_.bytes - offset)));
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got =
          pread(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(folder_error("read " + path_));
      if (got == 0) return fail(overwritten(files_->uri(facts_.key)));  // cut off in place
      done += static_cast<std::size_t>(got);
    }
    SLUICE_TRY(const auto now, files_->look(facts_.key, path_));
    if (!now || now->version != facts_.version) return fail(overwritten(files_->uri(facts_.key)));
    return bytes;
  }

 private:
  OpenObject(const FolderFiles& files, std::string key, std::string path) : files_(&files), path_(std::move(path)) {
    facts_.key = std::move(key);
  }

  const FolderFiles* files_;
  std::string path_;
  File file_;
  ObjectFacts facts_;
};

class FolderReader final : public ObjectReader {
 public:
  FolderReader(OpenObject object, std::uint64_t offset) : object_(std::move(object)), offset_(offset) {}

  Result<std::string_view> next() override {
    SLUICE_TRY(bytes_, object_.read(offset_, piece_bytes));
    offset_ += bytes_.size();
    return std::string_view(bytes_);
  }

 private:
  OpenObject object_;
  std::uint64_t offset_;
  std::string bytes_;
};

class FolderWriter final : public ObjectWriter {
 public:
  FolderWriter(const FolderFiles& files, std::string key, PutCondition condition, FolderFiles::Unfinished unfinished)
      : files_(files), key_(std::move(key)), condition_(std::move(condition)), unfinished_(std::move(unfinished)) {}
  ~FolderWriter() override {
    if (!published_) files_.discard(unfinished_.id);
  }
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;

  Result<void> write(std::string_view bytes) override {
    assert(!published_);
    auto written = unfinished_.file.write(bytes.data(), bytes.size(), size_);
    if (!written) return fail(std::move(written).error().within(files_.uri(key_)));
    size_ += bytes.size();
    return {};
  }

  Result<ObjectFacts> finish() override {
    assert(!published_);
    SLUICE_TRY(ObjectFacts facts, files_.publish(key_, unfinished_, condition_));
    published_ = true;
    if (facts.bytes != size_) {
      return fail(Fault::failed, files_.uri(key_) + ": what is there is not what was written", "run again");
    }
    return facts;
  }

 private:
  const FolderFiles& files_;
  std::string key_;
  PutCondition condition_;
  FolderFiles::Unfinished unfinished_;
  std::uint64_t size_ = 0;
  bool published_ = false;
};

class FolderStore final : public ObjectStore {
 public:
  FolderStore(std::string folder, const Clock& clock) : clock_(clock), files_(std::move(folder), clock) {}

  Result<void> list(const std::string& prefix, const std::function<bool(ObjectFacts)>& each) override {
    count("list");
    struct stat root {};
    if (stat(files_.root().c_str(), &root) != 0 || !S_ISDIR(root.st_mode)) return missing();
    // Keys below other folders cannot begin with the prefix.
    const std::size_t slash = prefix.rfind('/');
    const std::string start = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
    if (!start.empty() && !why_no_path(start.substr(0, slash)).empty()) return {};
    SLUICE_CHECK(list_below(start, prefix, each));
    return {};
  }

  Result<std::optional<ObjectFacts>> head(const std::string& key) override {
    count("head");
    SLUICE_TRY(const std::string path, files_.path_of(key));
    return files_.look(key, path);
  }

  Result<std::string> read(const std::string& key, const std::string& version, std::uint64_t offset,
                           std::size_t length) override {
    count("read");
    SLUICE_TRY(const OpenObject object, OpenObject::open(files_, key, version));
    return object.read(offset, length);
  }

  Result<std::unique_ptr<ObjectReader>> open_reader(const ObjectFacts& object, std::uint64_t offset) override {
    count("read");
    SLUICE_TRY(OpenObject open, OpenObject::open(files_, object.key, object.version));
    return std::make_unique<FolderReader>(std::move(open), offset);
  }

  Result<ObjectFacts> put(const std::string& key, std::string_view bytes, const PutOptions& options) override {
    SLUICE_TRY(const auto writer, open_writer(key, options));
    SLUICE_CHECK(writer->write(bytes));
    return writer->finish();
  }

  Result<std::unique_ptr<ObjectWriter>> open_writer(const std::string& key, const PutOptions& options) override {
    count("write");
    SLUICE_CHECK(files_.path_of(key));
    SLUICE_TRY(FolderFiles::Unfinished unfinished, files_.begin(key));
    return std::make_unique<FolderWriter>(files_, key, options.condition, std::move(unfinished));
  }

  Result<void> remove(const std::string& key) override {
    count("remove");
    SLUICE_TRY(const std::string path, files_.path_of(key));
    if (unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
    return fail(folder_error("remove " + path));
  }

  Result<std::vector<UnfinishedUpload>> unfinished(std::chrono::hours age) override {
    const std::int64_t before = clock_.now_micros() - std::chrono::microseconds(age).count();
    std::vector<UnfinishedUpload> found;
    SLUICE_TRY(const auto names, entries(std::string(own_folder) + "/"));
    for (const Entry& entry : names) {
      if (!entry.name.ends_with(key_end)) continue;
      struct stat stat {};
      if (::stat(files_.own_path(entry.name).c_str(), &stat) != 0) continue;  // finished meanwhile
      UnfinishedUpload upload;
      upload.id = entry.name.substr(0, entry.name.size() - key_end.size());
      upload.started = stat.st_mtim.tv_sec * 1'000'000 + stat.st_mtim.tv_nsec / 1000;
      upload.key.resize(static_cast<std::size_t>(stat.st_size));
      const File file(::open(files_.own_path(entry.name).c_str(), O_RDONLY | O_CLOEXEC));
      if (!file || !file.read(upload.key.data(), upload.key.size(), 0)) continue;
      if (upload.started <= before) found.push_back(std::move(upload));
    }
    return found;
  }

  Result<void> abort(const UnfinishedUpload& upload) override {
    if (upload.id.find('/') != std::string::npos) return fail(Fault::config, "that is no id of an unfinished upload");
    files_.discard(upload.id);
    return {};
  }

  Result<std::string> presign(const std::string&, std::chrono::seconds) override {
    return fail(Fault::config, "files " + files_.root() + ": a folder has no URLs that could be handed out",
                "presign works with an s3 connection");
  }

  std::string uri(const std::string& key) const override { return files_.uri(key); }

  std::map<std::string, std::uint64_t> calls() const override {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  std::vector<Finding> probe() override {
    using Level = Finding::Level;
    const std::string place = "files " + files_.root();
    struct stat root {};
    if (stat(files_.root().c_str(), &root) != 0) {
      return {{Level::warning, place + ": the folder is not there", "the first write makes it; is the name right?"}};
    }
    if (!S_ISDIR(root.st_mode)) return {{Level::bad, place + ": is no folder", "name a folder as 'files'"}};
    if (access(files_.root().c_str(), R_OK | X_OK) != 0) {
      return {{Level::bad, place + ": the folder cannot be read", "check who may read it"}};
    }
    std::vector<Finding> findings;
    const bool writable = access(files_.root().c_str(), W_OK) == 0;
    findings.push_back({Level::good, place + ": can be read" + (writable ? " and written" : ", but not written")});
    const auto uploads = unfinished(old_upload);
    if (uploads && !uploads->empty()) {
      findings.push_back({Level::warning,
                          place + ": " + std::to_string(uploads->size()) +
                              (uploads->size() == 1 ? " unfinished object is" : " unfinished objects are") +
                              " older than a day",
                          "remove what is in " + files_.own_path("") + " while nothing runs"});
    }
    return findings;
  }

 private:
  struct Entry {
    std::string name;  // of a folder with '/' at its end: so names sort as the keys below them do
  };

  Result<void> missing() const {
    return fail(Fault::conflict, "files " + files_.root() + ": the folder is not there", "make it, or correct 'files'");
  }

  // Empty where there is no such folder.
  Result<std::vector<Entry>> entries(const std::string& below) const {
    struct Closer {
      void operator()(DIR* folder) const { closedir(folder); }
    };
    const std::string path = files_.root() + "/" + below;
    const std::unique_ptr<DIR, Closer> folder(opendir(path.c_str()));
    std::vector<Entry> found;
    if (!folder && (errno == ENOENT || errno == ENOTDIR)) return found;
    if (!folder) return fail(folder_error("list " + path));
    errno = 0;
    while (const dirent* entry = readdir(folder.get())) {
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      bool is_folder = entry->d_type == DT_DIR;
      bool is_file = entry->d_type == DT_REG;
      if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) {
        struct stat stat {};
        if (::stat((path + name).c_str(), &stat) != 0) continue;  // it leads nowhere
        is_file = S_ISREG(stat.st_mode);
        // A link to a folder may lead back up.
        is_folder = S_ISDIR(stat.st_mode) && entry->d_type == DT_UNKNOWN;
      }
      if (is_folder) name += '/';
      if (is_folder || is_file) found.push_back({std::move(name)});
    }
    std::ranges::sort(found, {}, &Entry::name);
    return found;
  }

  // False: `each` has ended it.
  Result<bool> list_below(const std::string& below, const std::string& prefix,
                          const std::function<bool(ObjectFacts)>& each) const {
    SLUICE_TRY(const auto names, entries(below));
    for (const Entry& entry : names) {
      const std::string key = below + entry.name;
      const std::size_t common = std::min(key.size(), prefix.size());
      if (std::string_view(key).substr(0, common) != std::string_view(prefix).substr(0, common)) continue;
      if (key.ends_with('/')) {
        if (below.empty() && entry.name == std::string(own_folder) + "/") continue;
        SLUICE_TRY(const bool on, list_below(key, prefix, each));
        if (!on) return false;
        continue;
      }
      if (key.size() < prefix.size()) continue;
      SLUICE_TRY(auto facts, files_.look(key, files_.root() + "/" + key));
      if (facts && !each(std::move(*facts))) return false;
    }
    return true;
  }

  void count(const char* kind) {
    const std::scoped_lock lock(mutex_);
    ++calls_[kind];
  }

  const Clock& clock_;
  FolderFiles files_;

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::uint64_t> calls_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_folder_store(std::string folder, const Clock& clock) {
  return std::make_unique<FolderStore>(std::move(folder), clock);
}

Result<std::unique_ptr<ObjectStore>> open_files(const Settings& settings, const Clock& clock) {
  const std::string given = settings.text("files");
  if (given.empty()) {
    return fail(Fault::config, settings.place.text() + ": 'files' names no folder", "write { files: FOLDER }");
  }
  std::string folder = (std::filesystem::path(settings.folder) / given).lexically_normal().string();
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return make_folder_store(std::move(folder), clock);
}

std::string files_far_end(const Settings& settings) {
  std::error_code error;
  std::filesystem::path folder(settings.folder);
  folder = std::filesystem::absolute(folder / settings.text("files"), error).lexically_normal();
  // "/a/b/" ends in an empty name.
  return error ? "" : (folder.has_filename() ? folder : folder.parent_path()).string();
}

}  // namespace sluice::local

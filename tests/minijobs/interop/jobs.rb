# The same Workers as in jobs.py, for Ruby's Sidekiq.
require "json"
require "sidekiq/api"

Sidekiq.redis = {path: ENV.fetch("TEST_SOCKET"), db: ENV.fetch("TEST_DATABASE").to_i}
Sidekiq.logger.level = Logger::WARN unless Sidekiq.server?

def note(key, what)
  Sidekiq.redis { |redis| redis.rpush(key, JSON.generate(what)) }
end

module Interop
  class Note
    include Sidekiq::Worker

    def perform(*args)
      note("test:ran", by: "ruby", jid: jid, args: args, kinds: args.map { |arg| arg.class.name })
    end
  end

  OnlyRuby = Class.new(Note)

  class Slow
    include Sidekiq::Worker

    def perform(seconds)
      sleep(seconds)
      note("test:ran", by: "ruby", jid: jid)
    end
  end

  # Tried again when a test says so, and not by itself while that test still looks.
  class Fail
    include Sidekiq::Worker
    sidekiq_retry_in { 3600 }

    def perform
      raise ArgumentError, "not in Ruby, é"
    end
  end

  # Around every run: the job as Sidekiq hands it to Workers.
  class Keep
    def call(_worker, job, queue)
      Sidekiq.redis { |redis| redis.hset("test:jobs", job["jid"], JSON.generate(job.merge("came_from" => queue))) }
      yield
    end
  end
end

Sidekiq.configure_server do |config|
  config.server_middleware { |chain| chain.add(Interop::Keep) }
  Sidekiq.options[:poll_interval_average] = 0.1
end

# Sidekiq waits 5 seconds between two beats, and up to 15 before it polls. A test need not.
if Sidekiq.server?
  require "sidekiq/launcher"
  Sidekiq::Launcher.send(:remove_const, :BEAT_PAUSE)
  Sidekiq::Launcher::BEAT_PAUSE = 0.2
  Sidekiq::Scheduled::Poller.class_eval { def initial_wait = nil }
end

-- Repeats the request targets of the file TARGETS, each thread from a place of its own.
local requests = {}
local next_request = 0

function init(args)
    local headers = { ["User-Agent"] = "bench" }
    if os.getenv("CLOSE") == "1" then
        headers["Connection"] = "close"
    end
    for line in io.lines(os.getenv("TARGETS")) do
        local target, address = line:match("([^\t]*)\t?(.*)")
        headers["X-Forwarded-For"] = address ~= "" and address or nil
        requests[#requests + 1] = wrk.format("GET", target, headers)
    end
end

function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end

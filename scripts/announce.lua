-- For wrk: sends the request targets of the file TARGETS in turn, each with the X-Forwarded-For that stands behind it.
-- CLOSE=1 closes the connection after each.
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

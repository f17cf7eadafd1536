"""How much a log of a stranger may cost. Each limit is far above what a real log needs."""

from __future__ import annotations

from tensorboard_plugin_gradcam.records import LONGEST_NAME
from tensorboard_plugin_gradcam.records.sizes import ALLOWANCE_BYTES as ALLOWANCE_BYTES
from tensorboard_plugin_gradcam.records.sizes import MIB
from tensorboard_plugin_gradcam.records.sizes import NOTES as NOTES
from tensorboard_plugin_gradcam.records.sizes import SERIES_BYTES as SERIES_BYTES
from tensorboard_plugin_gradcam.records.sizes import TEXT as TEXT
from tensorboard_plugin_gradcam.records.sizes import TOP_CLASSES as TOP_CLASSES

READ_BYTES = 192 * MIB  # of one series, as records: TensorBoard needs about three times that while it hands them over
CACHE_BYTES = 512 * MIB  # of all series that are kept decoded
CACHE_TIMES, CACHE_EXTRA = 2, 16 * MIB  # times what TensorBoard hands over for them, that they take, and bytes more
PACKET_CACHE_BYTES = 64 * MIB  # of answers that are kept encoded
UNLIMITED_STEPS = 100_000  # asked for where TensorBoard was told to keep all steps: 0 would return nothing
IMAGE_PIXELS = 2**26  # of one picture; a browser needs four bytes for each
OPENING_SECONDS = 1.0  # after which the answer that the tab opens with holds what it has
OPENING_PICTURE_BYTES = 2**19  # of pictures in that answer
OPENING_COHORT_BYTES = 2**20  # of a list of samples whose first pictures are in it
HOLDING_BYTES = 256 * MIB  # of series that all requests work on at the same time
SENDING_BYTES = 256 * MIB  # of all answers that are on their way
PICTURES_AT_ONCE = 4  # that are read at the same time
PACKETS_AT_ONCE = 2  # that are encoded at the same time
PROCESSOR_SECONDS = 0.5  # that a request may take, and a second more for so many bytes:
BYTES_A_SECOND = 10_000_000
WAIT_SECONDS = 20.0  # that a request waits for its turn
WAITING = 200  # requests that wait for one kind of turn
RETRY_SECONDS = 2  # after which a client should try again
COHORT_BYTES = 16 * MIB  # of an answer about samples, beyond twice what TensorBoard hands over
COHORTS_NUMBERED = 1_000  # of one tag, whose samples are numbered across steps
SAMPLES_NUMBERED = 2**22  # of one tag, over all its cohorts
DAMAGE_SECONDS = 30.0  # between two looks at local event files
DAMAGE_BYTES_A_SECOND = 32 * MIB  # that a look reads
DAMAGE_LARGEST = 64 * MIB  # of one record that is looked at
DAMAGE_SHARE = 0.25  # of a processor that a look takes
HELD_BYTES = 64 * MIB  # of what is remembered of local event files, 48 bytes a record; the largest runs give way
MISSING_SECONDS = 2.0  # between two comparisons of that with what TensorBoard hands over
UNREAD_SECONDS = 60.0  # that a record stands in a file, and TensorBoard reads nothing new, before that is told
LEASES = 100  # of one run that are looked at
NAME = LONGEST_NAME  # of what a stranger wrote; longer ones are listed as a problem
PLACED_TAGS = 1_000  # (run, tag) whose samples are numbered across steps
PLACED_SAMPLES = 2**20  # of all of them, about 200 bytes each
SAMPLES_ASKED = 100_000  # indices in one request
SUMMARY_BYTES = 96 * MIB  # of one series, its steps kept as counts and means; beyond it fewer classes are told apart
SUMMARIES_BYTES = 256 * MIB  # of all series that are kept so
LOOKED_BYTES = 64 * MIB  # of what was found in series, with their last steps, by which runs are compared
FEWEST_CLASSES = 10  # that are always told apart
THUMBNAILS_ASKED = 2_000  # small pictures in one request of the data provider: 2 MB of its metadata
THUMBNAILS_KEPT = 50_000  # of all runs, about a kilobyte each
THUMBNAILS_RUNS = 1_000  # whose small pictures are kept
RUNS_COMPARED = 20  # whose findings one request asks for
SERIES_LISTED = 20_000  # of all runs: about a kilobyte each, here and again in the answer
SERIES_OF_A_RUN = 1_000  # of those, at least, however many runs there are
CATALOGS = 8  # experiments whose catalogues are kept
CATALOGS_SERIES = 2 * SERIES_LISTED  # in all of them; the last is always kept
FRESH_SECONDS = 0.5  # for so long nothing is asked of the data provider again
CATALOG_SECONDS = 10.0  # for so long a known series is found in the catalogue without listing again
REREAD_SECONDS = 20.0  # after so long a series is read again although it is listed the same, then ever less often
FORGOTTEN_SECONDS = 120.0  # the same where it is not kept, and reading it again takes more
RELIST_SECONDS = 5.0  # so often at most are all pictures of a run listed, in search of one that a tool renamed

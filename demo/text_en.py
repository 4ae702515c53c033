"""English prose of the demo corpus: sentence patterns by topic and frame, written for this project (CC0).

One line is `tag: pattern`. In a pattern `[a|b]` chooses, `<3..9>` draws a whole number, `{name}` is a value of the document
(`demo_numbers.py` computes those of the `num` lines), and choices may nest. Statements hold for every choice; people and places are made up.
"""

SLOTS = {
    "person": """Ada Whitlow|Tom Harrow|Ines Calder|Jonas Reed|Maud Ferrier|Peter Lund|Ruth Ackerman|Sam Okafor|Clara Vance|Henrik Dahl|Nora Quill|Edwin Marsh
        |Leila Haddon|Oskar Brandt|Grace Pell|Wilf Tanner|Mina Kovac|Arthur Snell|Beatrice Lowe|Daniel Osei|Elsie Thorne|Frank Moody|Hana Sorel|Ivor Penn""",
    "place": """Aldermere|Brackwater|Coldharbour|Dunmoor|Eastlow|Fernhollow|Greywick|Hollinford|Inchbury|Kestrel Bay|Larkstone|Millbeck|Netherby|Oakhampton
        |Pennygate|Quarrybank|Ravensworth|Saltmarsh|Thornaby|Upper Wending|Veldon|Westray|Yarrowdale|Ashcombe|Birchover|Claybrook""",
    "region": """the northern dales|the chalk country|the fen country|the western isles|the upper valley|the lowland plain|the lake district beyond the moor
        |the border hills|the old coalfield|the southern coast|the river meadows|the limestone plateau""",
    "river": "Arle|Brenn|Corve|Dray|Elwy|Fosse|Gade|Hamble|Irwell Brook|Kenn|Lyde|Mease|Nidder|Orrin|Penk|Rill|Soar|Teme|Ure Water|Wend",
    "month": "January|February|March|April|May|June|July|August|September|October|November|December",
    "season": "spring|summer|autumn|winter",
}

TOPICS = {
    "bread": """
craft: baking bread
thing: loaf
title: [Bread|A loaf|Dough] and [patience|time|arithmetic]|What [a baker|the oven|flour] [knows|teaches]|[Notes|Lessons] from a [village|small] bakery
open: Bread is [flour, water, salt and time|four ingredients and a long wait], and [of these|among them] time is the one that [beginners|new bakers|impatient people] [skimp on|forget|try to buy back].
open: [Most|Nearly all] of what [happens|goes on] inside a [rising|resting] dough is [invisible|hidden from view], which is why [good|careful] bakers [watch|measure|write down] so much.
open: The smell of [a bakery|fresh bread] at [five|six|four] in the morning is [the last step|the end] of work that [began|was started] [the evening before|while the town was at supper].
fact: [Flour|White flour|Ordinary wheat flour] [contains|holds] two proteins that [link up|join] into gluten once [water|moisture] [reaches|touches] them, and this [elastic|stretchy] net [traps|holds back] the gas that yeast [makes|gives off].
fact: Yeast [eats|feeds on] [sugars|simple sugars] and [gives off|releases] carbon dioxide and [a little|traces of] alcohol; the gas [lifts|raises] the dough and the alcohol [mostly|almost entirely] [evaporates|leaves] in the oven.
fact: [Wholemeal|Whole grain|Brown] flour [drinks|takes up|needs] more water than white, because the [bran|outer layers of the grain] [soaks it up|swells] slowly over [half an hour|an hour or so].
fact: Salt does [more|other work] than [add flavour|season]: it [tightens|strengthens] the [dough|gluten] and [slows|holds back] the yeast, so a [forgotten|missing] spoonful gives a [loose|slack], [fast|runaway] dough.
fact: A sourdough starter [is|holds] a [settled|stable] company of wild yeasts and [lactic acid bacteria|souring bacteria], and the [acid|sourness] they [produce|leave behind] [keeps|protects] the loaf from mould for [several days|most of a week].
fact: A dough kept at [<24..27>|about <24..27>] degrees rises [roughly|about] twice as fast as one at [seventeen|sixteen] degrees, so [summer|July] bread is [ready|finished] long before [winter|January] bread.
fact: [Steam|A wet oven] in the first [ten|twelve|fifteen] minutes keeps the [skin|surface] of the loaf soft, so it can [stretch|expand] before the [crust|shell] [sets|hardens].
fact: The brown of [a good crust|the crust] comes from [sugars and proteins|amino acids and sugars] that [react|combine] above about 140 degrees, [a change|a reaction] that [never|hardly ever] happens [inside|in the crumb], which stays [below|under] 100.
fact: [Stale|Old] bread is [not simply|more than] dry: its starch [slowly|gradually] [returns|goes back] to a [firm|crystalline] form, and [warming|toasting] it [melts|undoes] that for [a short while|an hour or two].
fact: [Rye|Rye flour] has [little|hardly any] gluten, so a rye loaf [is held up|stands] by [its starch and gums|sticky gums in the grain] and [keeps|stays moist] for [<5..9>|as many as <6..9>] days.
how: Weigh the [flour|dry flour] and [water|lukewarm water], [mix|stir] them [roughly|until no dry patch is left], and let the [bowl|mixture] [stand|rest] for [thirty|twenty|forty] minutes before the salt goes in.
how: [Fold|Stretch and fold] the dough [four|five|six] times in the first two hours, [turning|giving] the bowl a quarter turn [after each fold|each time].
how: Leave it [covered|under a damp cloth] until it has [grown|risen] by [half|about half|two thirds] and [trembles|wobbles] when the [bowl|tub] is [shaken|tapped].
how: Shape the dough [gently|with floured hands] into a [tight|smooth] round, [seam down|with the seam below], and [give it|allow] another [hour|fifty minutes|hour and a quarter].
how: [Cut|Slash] the top with a [blade|sharp knife] about [one|half a] centimetre deep, [bake|put it in] at [<220..240..5>] degrees, and [lower|turn down] the heat after [a quarter of an hour|fifteen minutes|twenty minutes].
how: [Knock|Tap] on the [bottom|underside]: a [hollow|drum-like] sound, or [<94..98>] degrees in the middle, [says|means] that the [crumb|inside] is [done|baked].
num: Bakers [count|reckon] everything as a share of the flour. With {flour} grams of flour at {hyd} per cent water, the water is {flour} × {hyd} ÷ 100 = {water} grams; salt at 2 per cent is {salt} grams; starter at {st} per cent is {starter} grams. [Added up|All together] that is {flour} + {water} + {salt} + {starter} = {total} grams of dough, [enough for|which divides into] {loaves} loaves of [about|roughly] {each} grams.
num: [Suppose|Say] the bench has {flour} grams of flour. [First|To begin], water: {hyd} per cent of {flour} is {water} grams. [Then|Next], salt: 2 per cent is {salt} grams. [Last|Finally], the starter: {st} per cent is {starter} grams. The sum is {total} grams, so {loaves} tins [get|receive] {each} grams apiece.
err: The [commonest|most frequent] [mistake|fault] is [cutting|slicing] the loaf [hot|straight from the oven]: the [crumb|inside] is still [setting|losing steam], and it [turns|goes] [gummy|sticky] under the knife.
err: A [flat|spread-out] loaf has [usually|most often] [risen too long|stood too long], and a [dense|tight] one with a [burst|torn] side [not long enough|too short a time].
err: [Adding|Throwing in] flour because the dough [sticks|feels sticky] [makes|gives] a [dry|tough] loaf; [wet|damp] hands [solve|cure] the same problem [at no cost|without harm].
end: [After|By] the [tenth|twentieth|hundredth] loaf the [hands|fingers] [know|recognise] the dough, but the [notebook|scale] still [settles|decides] every argument.
end: [Good|Honest] bread [asks|needs] little money and [some|a good deal of] attention, which is [perhaps|probably] why it [tastes|feels] like more than [flour and water|its ingredients].
ask: How much water and salt does a dough with {flour} grams of flour need?|Why does my bread [come out|turn out] [flat|dense], and how do I work out the [right amounts|recipe]?
""",
    "river": """
craft: measuring rivers
thing: river
title: [How|Why] a river [moves|bends|carries its load]|The [patient|slow] work of [water|rivers]|[Gauging|Reading] the [stream|river]
open: A river is [never|not] the same [width|depth|colour] for long, yet its [shape|course] [follows|obeys] rules that [anyone|a walker] can [check|see] from a [bridge|footpath].
open: [Rain|Water] that falls on [the hills|high ground] [reaches|finds] the sea by the [easiest|steepest] way it can, and [on the way|as it goes] it [carves|writes] the [valley|landscape].
open: [Stand|Wait] on a bridge for [ten minutes|a quarter of an hour] and you can [see|tell] where a river is [fast|deep], where it is [slow|shallow], and [often|sometimes] why.
fact: Water [moves|runs] fastest [just below the surface|near the top] in the [middle|centre] of a straight channel, because the [bed and banks|sides and bottom] [slow|drag on] everything that [touches|rubs against] them.
fact: On a bend the [quickest|strongest] current [swings|is thrown] to the outer bank and [cuts|digs] it away, [while|and] [sand and gravel|the coarse load] [settle|come to rest] on the inner side.
fact: [Given time|After many floods], a [bend|loop] may [grow|widen] until the river [breaks through|cuts] its narrow neck, and the [abandoned|old] loop [becomes|is left as] a [curved|crescent] lake.
fact: A stream that [doubles|gains twice] its speed can [roll|move] [stones|boulders] [many|dozens of] times heavier than before, which is why [one|a single] flood [may|can] [reshape|rearrange] a bed that [stood|lay] unchanged for [<5..20>] years.
fact: [Clay|Fine mud] [stays|hangs] in the water for [days|weeks], [sand|coarse sand] [hops|bounces] along the bottom, and [pebbles|stones] only [travel|move] in [high water|flood].
fact: [Forests|Trees] on the [upper slopes|hillsides] [delay|slow] the rain: [leaves|the canopy] and [deep litter|mossy ground] [hold|keep] part of it, so the flood [arrives|peaks] later and [lower|less high].
fact: A [paved|built-up] catchment [sends|passes] [nearly|almost] all its rain [to the river|downstream] within [an hour or two|a few hours], while [meadow|pasture] may [take|need] [a day|most of a day].
fact: [Where|When] a river [meets|enters] still water it [drops|lets go of] its load, the [coarse|heavy] grains first, and [builds|lays down] a delta [year by year|grain by grain].
fact: [Groundwater|Water from springs] [feeds|keeps up] a river in dry [weeks|months], so a stream [over|on] [chalk|limestone] [hardly|scarcely] falls in [August|a dry summer], and one [over|on] clay [may|can] [vanish|shrink to pools].
fact: [Cold|Fast and cold] water [holds|carries] more oxygen than warm, and [riffles|shallow rapids] [mix in|stir in] air, so [trout|salmon] [keep to|prefer] [upper|quick] reaches and [carp|bream] to the [lower|slow] ones.
how: [Stretch|Run] a [tape|marked rope] from bank to bank at a straight [reach|stretch] and [note|write down] the width.
how: [Wade|Go by boat] across and [take|read] the depth at [five|seven|nine] [evenly|equally] spaced points, then [average|take the mean of] them.
how: [Throw|Drop] an orange in [upstream|above the mark] and [time|clock] it over [ten|twenty] metres; an orange [floats low|sits deep], so the wind [hardly|scarcely] [touches|pushes] it.
how: [Repeat|Do] the timing [three|five] times [at different places|across the width] and use the [middle|median] value.
how: [Multiply|Take] the surface speed by 0.85, since the [mean|average] over the depth is [somewhat|a little] slower than the [top|surface].
how: [Paint|Fix] a [scale|staff] on the [bridge pier|wall] and [read|record] it every [morning|day], for [a single|one lone] measurement [says|tells] [little|not much].
num: At the [gauge|old ford] the {river} is {w} metres wide and {d} metres deep on average, and the water [moves|flows] at {v} metres a second. The [cross-section|area of the section] is {w} × {d} = {area} square metres. [Times|Multiplied by] the speed, {area} × {v} = {flow} cubic metres [pass|go by] each second. A day has 86,400 seconds, so [about|roughly] {day} cubic metres go by between one [breakfast|noon] and the next.
num: [Take|Consider] a reach {w} metres wide, {d} metres deep, with a mean speed of {v} metres a second. Area [comes|goes] first: {w} × {d} = {area}. Discharge [comes|follows] second: {area} × {v} = {flow} cubic metres a second. [Over|In] a whole day that [makes|amounts to] {flow} × 86,400, or [close to|about] {day} cubic metres.
err: [People|Newcomers] [often|tend to] [measure|judge] a river by its width, [but|yet] a [narrow|slim], deep channel may [carry|pass] more than a [broad|wide], [lazy|shallow] one.
err: [Straightening|Walling in] a stream [cures|moves] one flood and [causes|feeds] another, because the [same|very same] water now [arrives|comes] [faster|sooner] at the [next|lower] town.
err: A [calm|smooth] surface is no [proof|sign] of [safe|slow] water; the [dangerous|strong] places [below weirs|under a weir] [look|lie] [almost|quite] flat.
end: [Anyone|A person] who has [measured|gauged] a river [once|for a year] [reads|sees] its [banks|gravel] like a [page|diary] afterwards.
end: The [river|water] [does|keeps] its own [accounts|books] in [gravel and silt|stones and mud], and it [has|takes] [all the time|as long as] it [needs|wants].
ask: How do I estimate the flow of a river that is {w} metres wide and {d} metres deep?|Why does a river [cut|eat into] the outer side of a bend, and how is its flow measured?
""",
    "weather": """
craft: watching the weather
thing: barometer
title: [Reading|Watching] the [sky|clouds]|Why [clouds|fog and dew] [form|appear] where they do|[A weather|The cloud] [diary|notebook]
open: Weather [begins|starts] with [uneven|unequal] heating: the [ground|land] [warms|heats] the air above it, warm air [rises|climbs], and [cooler|other] air [moves|slides] in to [take its place|fill the gap].
open: [Before|Long before] there were [satellites|computers], [farmers and sailors|shepherds and fishermen] [kept|made] forecasts from [wind, cloud and light|three or four honest signs].
open: A [cloud|small white cloud] looks [solid|like wool], but it is [only|nothing but] air in which [a little|some] water has [turned|changed] from [vapour|gas] to [droplets|tiny drops].
fact: Warm air can [hold|carry] more water vapour than cold air, [roughly|about] seven per cent more for each degree, so [cooling|a fall in temperature] is the [usual|ordinary] way to [make|bring out] a cloud.
fact: Rising air [expands|swells] and [loses|gives up] about one degree for every hundred metres while it is [dry|still clear], and [about half|a little over half] that [once|after] cloud has formed.
fact: [Dew|The dew] [settles|forms] on [clear|cloudless], still nights, because [grass|the ground] [radiates|gives off] its heat to the [open|bare] sky and [cools|chills] the air that [touches|lies against] it.
fact: [Fog|Mist] in a valley is cloud that [never left|stayed on] the ground: [cold|heavy] air [drains|slides] downhill at night and [pools|gathers] [there|at the bottom].
fact: [Falling|A drop in] pressure [means|tells] that [a low|a depression] is [coming|near], and the [faster|steeper] the fall, the [stronger|harder] the wind [is likely|tends] to be.
fact: [High|Thin], [feathery|hair-like] clouds that [thicken|spread] from the west [often|commonly] [run|come] [twelve|ten] to [twenty-four|twenty] hours [ahead of|before] a warm front.
fact: Thunder [reaches|comes to] us about three seconds late for every kilometre, as light [arrives|comes] [at once|instantly] and sound [does|travels] [about|some] 340 metres a second.
fact: [Towns|Cities] are [often|usually] [two or three|several] degrees warmer at night than the [fields|open country] around them, since [brick and tar|stone and asphalt] [store|keep] the day's heat.
fact: A [ring|halo] round the moon [is made|comes about] by ice crystals in [thin|high] cloud, [each|every one] [bending|turning] the light by about 22 degrees.
fact: [Hail|A hailstone] [grows|is built] in [layers|shells], because [strong|violent] updraughts [carry|throw] it up [again and again|several times] through [freezing|supercooled] drops.
how: [Read|Note] the barometer at the same [hour|time] each day, and [write|put] down the [change|difference] as well as the [figure|value].
how: [Hang|Place] the thermometer in the shade, [about|some] a metre and a half above [grass|short grass], where the [wind|air] can [reach|get at] it.
how: [Wrap|Cover] the bulb of a second thermometer with [wet|damp] [muslin|cotton]: the [gap|difference] between the two [shows|tells] how dry the air is.
how: [Empty|Measure] the rain gauge each morning at [nine|eight]; [one millimetre|each millimetre] is one litre on every square metre.
how: [Name|Sketch] the clouds and [guess|estimate] how many eighths of the sky they [cover|hide].
how: [Compare|Check] your [forecast|guess] with what [came|happened], and [keep|count] the [score|misses] [honestly|without excuses].
num: This [morning|afternoon] the air was at {t} degrees and the dew point at {td}. The spread is {t} − {td} = {spread} degrees. Rising air [closes|loses] that gap at about 1 degree for each 125 metres, so cloud [forms|begins] near {spread} × 125 = {base} metres. The [beacon|summit] of {place} hill [stands|is] {hill} metres above the station, which is more than {base}; it was, [as expected|sure enough], [hidden|wrapped in grey].
num: [Here is|This is] the [sum|reckoning] for cloud base. Temperature {t}, dew point {td}, difference {spread}. [Each|Every] degree of difference is [worth|good for] 125 metres, and {spread} times 125 gives {base}. A hill of {hill} metres [reaches|pokes] {over} metres into the cloud, so [walkers|anyone] on top [saw|had] [nothing|no view].
err: [Many|A good many] [people|beginners] put the thermometer on a [sunny|south] wall and [measure|record] the [wall|bricks] [instead of|rather than] the air.
err: A red [sunset|evening sky] is a [fair|useful] sign only where the weather [comes|arrives] from the west; [elsewhere|in the trade winds] it [says|tells] [little|nothing].
err: [One|A single] cold [week|winter] [proves|shows] nothing about climate, which is the [average|mean] of [thirty|some thirty] years.
end: [After|Within] a year of [notes|records], [the sky|a cloudy sky] [stops|ceases] being [background|scenery] and [starts|begins] to [read|look] like a [sentence|letter].
end: The [best|most useful] instrument is [still|after all] a [pencil|notebook]: it [turns|makes] [impressions|vague feelings] into [numbers|evidence].
ask: At what height do clouds form when the air is at {t} degrees and the dew point at {td}?|Why does [dew|fog] [form|appear] on clear nights, and how high is the cloud base?
""",
    "measure": """
craft: measuring land
thing: yardstick
title: [A short|The long] history of the [foot|ruler|metre]|[Feet, chains and acres|How people measured land]|[Why|How] we [agreed|came to agree] on a metre
open: [For most|Through most] of history a length was [a part|some part] of the body: a [foot|thumb], a [cubit|forearm], a [pace|stride], a [span|hand].
open: [Every|Each] market town once [kept|owned] its own [yard|measure], [fixed|set] in iron [beside|on] the [door|wall] of the [hall|church], and [quarrels|disputes] were [settled|ended] there.
open: [Measurement|Measuring] is an agreement [before|more than] it is a [number|figure]: two people must [share|trust] the same [stick|unit] before either can [sell|buy] a [cloth|field].
fact: A cubit [ran|was taken] from the elbow to the [tip of the middle finger|fingertips], and the builders of [ancient Egypt|the pyramids] [cut|kept] a royal one in [granite|black stone] against which wooden copies were [checked|compared] [each full moon|regularly].
fact: The Romans [counted|reckoned] a mile as a thousand double paces, mille passus, which [gave|lent] the word its [name|shape].
fact: [Surveyors|Land surveyors] of the seventeenth century [used|dragged] a chain of 100 links, 66 feet long; ten square chains [make|are] one acre, so [sums|areas] [came out|worked] in decimals.
fact: In the 1790s two French astronomers [measured|surveyed] the arc from Dunkirk to Barcelona, and the metre was [set|fixed] as one ten-millionth of the way from the pole to the equator.
fact: Since 1983 the metre [has been|is] the distance that light [travels|covers] in [a vacuum|empty space] in 1/299,792,458 of a second, so the [unit|length] [hangs|rests] on a clock [rather than|and not on] a bar.
fact: Until 2019 the kilogram was a [metal|platinum and iridium] cylinder [kept|locked] near Paris; [today|now] it [follows|is derived] from a constant of [nature|physics], [the Planck constant|named after Planck].
fact: An acre was [roughly|about] what [one man|a ploughman] and [his oxen|a team of oxen] could plough in a day, which is why [old|early] acres [differed|varied] with the [soil|ground].
fact: [Merchants|Cloth merchants] [lost|paid] on every [border|frontier] because the ell of one [city|town] was [longer|shorter] than the ell of [the next|its neighbour], by as much as [a third|half].
fact: [A thermometer|Temperature] had no [shared|common] scale until [the eighteenth century|the 1700s]; [Celsius|the Swede Celsius] first set boiling water at 0 and [melting ice|ice] at 100, and the order was [reversed|turned round] [soon after|after his death].
fact: [Precision|Accuracy] grew [together|side by side] with [trade and war|navigation and guns]: [parts|muskets] that [fit|could be exchanged] need gauges [good|true] to a [hair|tenth of a millimetre].
how: [Choose|Take] one [straight|clear] edge of the field as a baseline and [drive|set] a [peg|stake] at each end.
how: [Lay|Stretch] the tape [flat|level], [pull|draw] it tight, and [read|note] it [twice|two times] from [opposite|both] ends.
how: [Divide|Split] an irregular [field|plot] into triangles, [for|because] a triangle [cannot|does not] [change|lose] its shape when its sides are [fixed|known].
how: Check each right angle with sides of 3, 4 and 5 [units|lengths], as [masons|builders] have [done|always done].
how: [Add|Sum] the [parts|pieces], and [keep|carry] one [digit|figure] more than you [mean|intend] to [report|state].
how: [Measure|Walk] the [outline|boundary] once more on [another|a different] day; the [difference|gap] between the two [results|totals] is your [honest|real] error.
num: The [glebe|lower] field at {place} is {fl} feet long and {fw} feet wide. Its area is {fl} × {fw} = {sqft} square feet. One square foot is 0.0929 square metres, so the same ground is [about|close to] {sqm} square metres. An acre [holds|has] 43,560 square feet, and {sqft} ÷ 43,560 is [about|roughly] {acres} acres.
num: [Work|Do] it in old units first: {fl} feet by {fw} feet [makes|gives] {sqft} square feet. [Then|Next] divide by 43,560 to [get|reach] {acres} acres. [Last|Finally], [in|for] metric, multiply {sqft} by 0.0929, which [comes|amounts] to {sqm} square metres.
err: [Tapes|Steel tapes] [stretch|grow] in the [sun|heat], and a [sagging|slack] tape always [reads|measures] too [long|much].
err: [Quoting|Writing] six [digits|decimals] from a [wooden|school] ruler is not [precision|accuracy] but [decoration|wishful thinking].
err: [Mixing|Confusing] [two|different] units has [sunk|cost] more than one [ship|project]; [write|put] the unit [beside|after] every number.
end: [Behind|Under] each [plain|dull] number on a ruler there is a [long|slow] [treaty|bargain] between [strangers|people who never met].
end: [The best|A good] measure is [simply|just] the one that [everybody|both sides] can [check|repeat].
ask: How many acres and square metres is a field of {fl} by {fw} feet?|Where do the [foot|mile], the [acre|chain] and the metre come from?
""",
    "sky": """
craft: astronomy
thing: telescope
title: [Evenings|Nights] with a small telescope|[Light|Sunlight] takes its time|[Looking|A look] at the [planets|night sky]
open: [You|Anyone] can [see|watch] the solar system [work|move] with [no|hardly any] [equipment|instruments]: a [dark|clear] [night|field], a [pencil|chart] and [a month of patience|some patience] [will do|are enough].
open: [Looking|To look] up is [to look|looking] back, because light [needs|takes] time, and [every|each] star we see is [shown|seen] as it was, not as it is.
open: The [moon|Moon] [rises|comes up] about fifty minutes later each day, and [once|when] you [notice|know] that, the [whole|rest of the] [machinery|clockwork] of the sky [begins|starts] to [make sense|open].
fact: The phases of the Moon [come|arise] from the angle at which we [see|view] its lit half, not from the shadow of the Earth, which [touches|crosses] it only in [an eclipse|a lunar eclipse].
fact: Venus [shows|goes through] phases like the Moon; [Galileo|when Galileo] [saw|recorded] them in 1610, and they [were|became] strong evidence that planets [circle|go round] the Sun.
fact: A planet [near|close to] the Sun [moves|travels] faster than a distant one: Mercury [takes|needs] 88 days for [one round|an orbit], the Earth 365, and Jupiter [almost|nearly] twelve years.
fact: [Seasons|Summer and winter] come from the [tilt|lean] of the Earth's axis, about 23.4 degrees, and not from [its distance|how far it is] from the Sun; the Earth is [in fact|actually] nearest in [early January|the first days of January].
fact: The four [bright|large] moons of Jupiter [change|shift] places from [night to night|one evening to the next], and their eclipses gave [Rømer|the Dane Rømer] the first [estimate|measure] of the speed of light in 1676.
fact: [Stars|The stars] [twinkle|flicker] because [moving|restless] air [bends|shakes] their point of light, while planets, which [are|show] tiny discs, [shine|glow] more steadily.
fact: A telescope's [power|worth] [lies|is] in the width of its [lens or mirror|opening]: twice the [diameter|width] [gathers|collects] four times the light.
fact: The [red|reddish] stars are the [cool|cooler] ones, about 3,000 degrees at the surface, and the [blue|bluish] ones may [exceed|pass] 20,000.
fact: [Meteors|Shooting stars] are [mostly|for the most part] grains no [larger|bigger] than [sand|a pea], and they [burn|glow] [about|around] ninety kilometres up.
fact: Two high tides a day [follow|come with] the Moon, and when Sun and Moon [line up|pull together] at new and full moon the [range|rise and fall] is [greatest|largest].
how: [Let|Give] your eyes [twenty|thirty] minutes [in the dark|without lamps], and use only a [red|dim red] [light|torch] to read the [chart|map].
how: [Find|Begin with] the Plough, [follow|extend] its two end stars about five times their [distance|gap], and you [reach|arrive at] Polaris.
how: [Start|Begin] with the lowest magnification, [centre|find] the object, and only then [change|go up] to a [stronger|shorter] eyepiece.
how: [Draw|Sketch] what you see, [however badly|even badly], because [drawing|a pencil] [makes|forces] the eye [look|work] twice.
how: [Note|Write down] the date, the [hour|time] and how [steady|clear] the air was beside [every|each] [drawing|sketch].
how: [Watch|Follow] one [planet|bright planet] for [six|eight] weeks and [mark|plot] its place among the stars [each clear night|whenever it is clear].
num: Sunlight [needs|takes] about 8.3 minutes to cross one astronomical unit. [Tonight|On this date] the planet is {au} units [away|from us], so its light [left|set out] {au} × 8.3 = {mins} minutes ago. A radio signal [there|out] and back would [take|need] twice that, {both} minutes, or about {hours} hours.
num: [How old|How stale] is the light? The distance is {au} astronomical units. [One|Each] unit [costs|takes] light 8.3 minutes. Multiply: {au} × 8.3 = {mins}. [A question|A command] sent to a probe [there|at that planet] [gets|has] its answer after 2 × {mins} = {both} minutes, [roughly|about] {hours} hours.
err: [Beginners|New owners] [buy|choose] a telescope by magnification, [but|although] [shaky|cheap] air [spoils|blurs] anything [above|beyond] about [two hundred|250] times.
err: [Never|One must never] [point|turn] any telescope at the Sun without a [proper|certified] filter over the front; the [damage|harm] is [instant|immediate] and [painless|silent].
err: [Bright|White] [torches|phone screens] [undo|spoil] in a second the [half hour|thirty minutes] the eye [spent|took] [adapting|opening].
end: [Nothing|Little] in the sky [hurries|is in a hurry], and [after|in] a few [nights|weeks] neither does the [observer|person] at the [eyepiece|telescope].
end: The [universe|sky] is [large|vast], but its [rules|habits] can be [learned|checked] from a [garden chair|back step].
ask: How long does light take from a planet {au} astronomical units away?|Why do the [phases|seasons] happen, and how old is the light [we see|of a planet]?
""",
    "bees": """
craft: keeping bees
thing: hive
title: [A year|Twelve months] with [bees|a hive]|[What|How] bees [know|count]|[The hive|A colony] in [numbers|four seasons]
open: A [honeybee|bee] [colony|hive] is [less|not so much] a crowd than [one|a single] [animal|creature] with [thirty|forty] thousand [mouths|bodies], and it [makes|takes] its decisions [slowly|by vote].
open: [People|Most people] [begin|start] with bees for the honey and [stay|go on] for the [puzzle|watching].
open: [Before|Until] the movable frame of 1851, [taking|to take] honey [usually|mostly] meant [destroying|killing] the colony that had [made|stored] it.
fact: A worker [lives|lasts] about six weeks in [summer|the busy season], and her [jobs|duties] [change|follow] with age: cleaning, nursing, building, guarding, and [only at the end|last of all] flying out.
fact: [Winter|The winter] bees [live|last] [five or six months|half a year], for they [raise|feed] [no|hardly any] young and [spend|use] their strength on [warmth|keeping the cluster warm].
fact: The [waggle|figure-of-eight] dance [tells|gives] both direction and distance: the angle from the vertical [is|repeats] the angle from the Sun, and [a longer|each extra second of] waggle means a [longer|farther] flight.
fact: Nectar [arrives|comes in] with [about|some] seventy per cent water, and the bees [fan|dry] it [down|until it holds] to less than twenty, [below|under] which [yeast|fermentation] cannot [work|live].
fact: Six-sided cells [use|need] the least wax for [the space|what they hold], and the wax is [dear|costly]: bees [eat|consume] [six|seven] or more kilograms of honey to [make|sweat out] one of it.
fact: The queen [lays|can lay] up to [1,500|two thousand] eggs a day in [May and June|early summer], [more than|about] her own weight.
fact: [Drones|The drones] have no sting and no [pollen|shopping] baskets; [in autumn|when the nectar ends] the workers [push|drive] them out.
fact: A swarm [leaves|goes off] with the old queen and about half the [bees|workers], and its scouts [argue|compare sites] [by dancing|in dances] until [nearly|almost] all of them [agree|point the same way].
fact: One [jar|pound jar] of honey [stands for|holds the work of] [roughly|something like] two million [visits|flower visits], [shared|divided] among [hundreds|many hundreds] of bees.
fact: [Varroa|The varroa mite] [breeds|multiplies] in the sealed cells, so a [late-summer|August] treatment [protects|saves] the bees that must [live|last] through the winter.
how: [Open|Inspect] the hive on a [warm|still, warm] day, [about|around] noon, when [most|many] foragers are [out|away].
how: [Send|Give] two or three [puffs|breaths] of cool smoke at the [door|entrance] and [wait|pause] a minute before [lifting|you lift] the lid.
how: [Take|Lift] out an outer frame first, so that the [others|rest] can be [slid|moved] apart without [rolling|crushing] bees.
how: [Look|Search] for eggs [rather than|and not] the queen: [eggs|an egg standing upright] [say|means] that she was there [within|in] the last [day|three days].
how: [Weigh|Heft] the hive in [September|early autumn] and [feed|add syrup] until it [reaches|has] the [weight|stores] for your [climate|winter].
how: [Leave|Keep] water within [fifty|a hundred] metres, with [pebbles|moss] to stand on, or the bees will [use|find] the neighbour's [pond|pool].
num: [This year|In that season] {h} hives [made|gave] {k} kilograms each. [Left|Reserved] for winter: {keep} kilograms a hive. The [harvest|crop] per hive is {k} − {keep} = {per} kilograms, and {h} × {per} = {take} kilograms in all. In half-kilogram jars that is {take} × 2 = {jars} jars.
num: [Count|Reckon] the winter first. Each of the {h} colonies [keeps|must keep] {keep} kilograms of the {k} it [stored|made], so {per} [are|remain] ours. {h} times {per} [makes|is] {take} kilograms, and at two jars to the kilogram we [need|washed] {jars} jars.
err: [Opening|Disturbing] a hive every [few days|weekend] [costs|sets back] the colony [a day|most of a day] each time, [and|for] [curiosity|worry] is not [a reason|management].
err: [Taking|Robbing] too much honey in [July|August] and [paying|replacing it] in sugar [later|in October] is a [poor|bad] [trade|exchange] in [most|cold] years.
err: A [tall|high] hive in [strong wind|an exposed place] [needs|wants] a strap; [every|each] keeper [learns|finds] that [once|the hard way].
end: [You|One] never quite [keep|own] bees; you [offer|rent out] a [dry|good] box and [hope|wait] to be [chosen|accepted].
end: The [hum|sound] of a [healthy|strong] hive in [June|early summer] is [reward|wage] enough, and the [honey|jars] are [interest|a bonus].
ask: How much honey can be taken from {h} hives that made {k} kilograms each?|How do bees [tell|show] each other where flowers are, and how much honey may one take?
""",
    "pottery": """
craft: throwing pots
thing: bowl
title: [Clay|Pots] and [fire|numbers]|[Why|How] a bowl shrinks|[From|The way from] mud to [stoneware|bowl]
open: Clay [remembers|keeps] every [touch|push], and [what|the things] the hands [hide|smooth over] the kiln [brings|drags] out again.
open: [Pottery|Making pots] is [among|one of] the oldest [crafts|trades], [for|because] mud is everywhere and fire [costs|asks] only wood.
open: [A lump|A kilogram] of [grey|wet] clay [goes|passes] through four [states|lives] before it can [hold|carry] soup: plastic, leather-hard, bone-dry and fired.
fact: Clay is made of flat [plates|particles] thinner than [a hair|paper] that [slide|slip] over one another when [wet|there is water between them], and this is [the whole secret|the source] of its [softness|plasticity].
fact: [Kneading|Wedging] [drives out|removes] air and [lines up|evens out] the particles; [trapped|a pocket of] [moisture|damp] [turns|changes] to steam in the kiln and can [burst|crack] the wall.
fact: [At|Near] about 573 degrees the quartz in the clay [changes|alters] its [form|crystal] and [swells|jumps] by [one or two|almost two] per cent, so [potters|kilns] [pass|cross] that [point|mark] slowly.
fact: [Earthenware|A flowerpot] [fired|burnt] near 1,000 degrees [stays|remains] porous, while stoneware at [about|around] 1,250 [turns|becomes] [dense|glassy] enough to hold water without glaze.
fact: A glaze is a glass [made|fitted] for [one|a certain] clay: [silica|sand] to form it, [a flux|ash or feldspar] to melt it, and [alumina|some clay] to keep it from [running|sliding] off.
fact: [Iron|A few per cent of iron] [gives|makes] [honey|amber] and brown in a [clean|smoky-free] fire, but [green|grey-green] celadon when the [kiln|flame] is [short of|starved of] air.
fact: [Porcelain|True porcelain] [asks for|needs] kaolin, a [white|pure] clay first [worked|used] in China [more than|over] a thousand years before [Europe|Meissen] [found|copied] the recipe in [1708|the early 1700s].
fact: A pot dries from the rim [down|downwards], and when the [rim|lip] and the foot [shrink|dry] at [different|unequal] [speeds|times] the wall [between|in the middle] [cracks|warps].
fact: [Wheels|The potter's wheel] [came|spread] [later|long after] than pots: [coiled|hand-built] vessels [are|go back] [many thousand years|some fifteen thousand years] [older|before it].
fact: [Grog|Crushed fired clay] [mixed|kneaded] into a body [opens|loosens] it, [lets|helps] water [out|escape] and [reduces|cuts] shrinkage by [a few|two or three] per cent.
how: [Cut|Weigh] [one|two|three] kilograms and [wedge|knead] it [fifty|sixty|eighty] times until a wire [cut|slice] [shows|leaves] no holes.
how: [Throw|Press] the ball on the [middle|centre] of the wheel and [lean|push] with the [whole|upper] body, not with the wrists.
how: [Open|Press open] the centre to [about|within] [eight|ten] millimetres of the wheel head and [check|test] with a [needle|pin].
how: [Raise|Pull] the wall in three [slow|even] pulls, [each|every one] [thinner|lighter] than the last.
how: [Dry|Let it dry] under [loose|thin] plastic for [two|three] days, then [turn|trim] the foot while the clay is [leather-hard|like cheese].
how: [Fire|Bring the kiln up] [gently|at sixty degrees an hour] to [two hundred|300] degrees, then [faster|at a hundred and twenty], and [cool|let it cool] for a full day.
num: This clay shrinks {s} per cent from wet to fired. A jar thrown {wet} centimetres high [therefore|thus] loses {wet} × {s} ÷ 100 = {loss} centimetres and [ends|finishes] at {fired}. To [get|reach] {goal} centimetres after firing, divide by what remains: {goal} ÷ {rest} = {need}, so [throw|make] it about {need} centimetres [tall|high].
num: [Plan|Think] backwards from the shelf. The finished [piece|jar] must be {goal} centimetres; after {s} per cent shrinkage {rest} of each centimetre is left; so the wet height is {goal} ÷ {rest}, or [about|roughly] {need}. [Check|As a check]: a test [piece|bar] of {wet} centimetres [came out|measured] {fired}, which is a loss of {loss}.
err: [Using|With] too much water the wall [goes|turns] soft, and [by|at] the [third|second] pull it [sags|folds] [like a wet hat|at the shoulder].
err: [Hurrying|Rushing] the first [hours|two hundred degrees] of a firing [breaks|ruins] more pots than [all|any] [other|later] [mistakes|faults].
err: A glaze on the foot [melts|glues] the pot to the [shelf|kiln], [so|hence] the [last|final] [three|four] millimetres are [wiped|left] bare.
end: [Potters|Those who throw] [say|like to say] that the kiln [signs|decides]; the maker only [asks|proposes] politely.
end: [A|The] cup that [fits|sits well in] the hand has [forgotten|hidden] all its [arithmetic|sums], but they are [there|in it].
ask: How tall must a pot be thrown to be {goal} centimetres after {s} per cent shrinkage?|Why do pots [crack|burst] in the kiln, and how is shrinkage [planned|reckoned]?
""",
    "paper": """
craft: printing books
thing: printing press
title: [From|How] rags to [pages|books] |[How|Why] a book is [folded|counted in sixteens]|[Ink|Type], paper and [arithmetic|patience]
open: A book [looks|seems] like a [pile|stack] of [single|separate] leaves, but it [begins|starts] as [large|broad] sheets, [printed|inked] on both sides and [folded|doubled] until the pages [fall|come] in order.
open: Paper [travelled|came] [slowly|by caravan]: [made|known] in China [by|around] the second century, it [reached|came to] Baghdad in the eighth and [most of Europe|the mills of Europe] only [in|during] the thirteenth.
open: [Printing|The press] did not [invent|begin] the book, it [invented|began] the [cheap|equal] book, in which [every|each] reader [meets|finds] the same [page|line].
fact: [Early|Old] European paper was [made|beaten] from linen rags, and [since|because] it [holds|has] [little|hardly any] acid, [it|a page from 1500] is often [whiter|stronger] than [a newspaper|cheap paper] from 1900.
fact: Wood pulp [became|came in as] the [main|chief] [raw material|source] after the 1840s, and the alum [size|used with it] [left|leaves] acids that [slowly|year by year] turn [pages|the sheet] [brown|brittle].
fact: Gutenberg's [real|main] [step|advance] was the [hand|adjustable] mould, [in|with] which one [worker|man] could cast [several hundred|some hundreds of] [equal|identical] letters an hour.
fact: Type metal is lead with tin and antimony, and the antimony [matters|helps] because it [keeps|stops] the [letter|type] [sharp|from shrinking] as it [cools|sets].
fact: [Movable|Separate] type of baked clay was [described|used] in China in the 1040s, and [Korea|Korean printers] [cast|made] it in bronze [before|earlier than] 1400.
fact: Capital letters [lay|were kept] in the upper case and small ones in the lower, and the [drawers|trays] [gave|left] us the [names|words] we [still|now] use.
fact: A sheet folded once is a folio, twice a quarto, three times an octavo; [each|every] fold [doubles|makes twice] the leaves and [halves|cuts in two] the page.
fact: Oil [ink|based ink] [sticks|clings] to metal where the [older|earlier] water ink [ran|rolled] off, so the [recipe|varnish] of the printer [owed|came] [more|closer] to painters than to [scribes|copyists].
fact: [Paper|A sheet] has a grain: it [bends|folds] [easily|cleanly] along the fibres and [cracks|resists] across them, so a [good|well-made] book has its grain [parallel|running] to the spine.
fact: A hand press [worked|run] by two [people|printers] [gave|made] about 200 to 250 [sheets|impressions] an hour, and the steam press of 1814 [passed|made] a thousand.
how: [Soak|Beat] the [fibres|rags] until they [float|hang] [apart|singly] like [milk|fog] in the vat.
how: [Dip|Slide] the mould in [upright|at a slope], [lift|raise] it [level|flat] and [shake|rock] it [once|twice] each way, so that the fibres [cross|lock].
how: [Couch|Lay] the wet sheet on felt, [stack|pile] [fifty|a hundred], and [press|squeeze] until [no|hardly any] water [runs|drips].
how: [Set|Compose] the lines from left to right and upside down, [reading|checking] the nick on [each|every] letter with the thumb.
how: [Lock|Wedge] the page in its frame, [ink|roll] it [thinly|lightly] and [pull|take] a proof on [cheap|thin] paper.
how: [Fold|Crease] with a bone, [gather|collect] the sections in order and [sew|stitch] through [each|every] fold.
num: The book has {pages} pages in sections of 16, so it needs {pages} ÷ 16 = {sig} sections, and [each|every] section is one sheet. For {copies} copies that is {sig} × {copies} = {sheets} sheets. [Allow|Add] 5 per cent for spoilage, {spoil} sheets, and [order|buy] {total}.
num: [Start|Begin] from the page count: {pages} pages at 16 to the sheet are {sig} sheets a copy. {copies} copies [take|use] {sheets} sheets. One sheet in twenty is [spoiled|lost] [at the press|in folding], which is another {spoil}; the [order|bill] is [therefore|so] for {total} sheets.
err: [Too much|Heavy] ink [fills|clogs] the eye of the e, and [no|not any] amount of [pressure|force] [brings|gets] it back.
err: A page [count|total] that is not a multiple of [eight|sixteen] [leaves|means] blank leaves at the end, which [readers|buyers] [take|mistake] for [a fault|missing text].
err: [Glue|Paste] alone [holds|lasts] a few [years|winters]; [thread|sewing] [holds|lasts] for centuries.
end: [Next time|When] you [open|hold] a book, [look|glance] at the top of the spine: the [little|small] folds [there|in it] [tell|show] how it was [made|built].
end: [A|Each] page is [quiet|silent] about its [making|makers], and [that|this] is [just|exactly] what they [wanted|worked for].
ask: How many sheets are needed for {copies} copies of a book with {pages} pages?|Why are books [made|counted] in sections of sixteen pages, and what does a print run [need|cost in paper]?
""",
    "bridge": """
craft: building bridges
thing: bridge
title: [How|Why] [a bridge|an arch] stands|[Spans|Arches] and [loads|weights]|[Crossing|Over] the [water|gap]
open: [Every|Each] bridge [answers|solves] one question: how does the weight in the middle [get|find its way] to the ground at the sides?
open: [There are|We know] only [a few|four or five] ways to [cross|span] a gap: lay a beam, spring an arch, [hang|stretch] a cable, or [build|lean] out from [both|two] sides.
open: A [stone|old stone] arch has no [glue|need of mortar] to [speak of|hold it], and yet it [grows|becomes] [firmer|stronger] when a cart [drives|stands] on it.
fact: In a [loaded|bending] beam the top is squeezed and the bottom is [stretched|pulled], and [somewhere|a line] between the two [feels|carries] [neither|no force at all].
fact: Stone [bears|stands] [great|heavy] pressure but [little|hardly any] pull, so [masons|the Romans] [shaped|built] arches in which [every|each] joint is [squeezed|pressed].
fact: Doubling the [depth|height] of a beam makes it [four times|4 times] as strong and eight times as stiff, while doubling its width [only|merely] doubles both.
fact: A suspension cable [hangs|settles] [close to|nearly in] a parabola when the deck [below|under it] is [even|equally heavy all along], and [carries|takes] [nothing|no load] but pull.
fact: Triangles [make|keep] a truss [rigid|stiff], [since|because] three [fixed|given] lengths [allow|leave] only one shape, whereas a square [leans|folds] [into a diamond|at its corners].
fact: [Steel|An iron deck] [lengthens|grows] by about 12 millimetres for each [hundred metres|100 metres] and ten degrees, so [long|large] bridges [end|rest] on rollers and [comb-like|toothed] joints.
fact: [Soldiers|Marching troops] [break|are told to break] step on light bridges, because a [regular|steady] [beat|step] near the bridge's own rhythm can [build|add] up a [dangerous|large] swing.
fact: The [flat|shallow] arch [pushes|thrusts] outwards [harder|more strongly] than a [tall|round] one, so it [needs|asks for] heavier [abutments|ends].
fact: [River|Running] water [digs|scours] at the [foot|base] of piers, and [scour|this digging] [has|may have] [brought|taken] down more bridges than [overload|weight].
fact: [Concrete|Reinforced concrete] [works|lasts] because steel and concrete [swell|expand] [almost|nearly] equally with heat, and the [lime|alkali] of the one [keeps|stops] the other from rusting.
how: [Survey|Measure] the gap, the banks and the [highest|worst] flood that [anyone|the parish] [remembers|recorded].
how: [List|Add up] the loads: the bridge itself, the [traffic|people], the [snow|wind], and [a margin|something] for [what|those] nobody [foresaw|thought of].
how: [Choose|Pick] the form by the [ground|soil]: [rock|firm rock] [invites|suits] an arch, [mud|soft clay] [asks|calls] for a [light|simple] beam.
how: [Draw|Sketch] the path of the force with a [pencil|red pencil] from the load to the [earth|ground] and [look|see] where it [turns|changes].
how: [Build|Set] the supports first and [let|leave] them [settle|stand] for [a season|one winter].
how: [Test|Load] the finished span with [sandbags|water barrels] and [measure|read] how far the middle [sinks|goes down], then [whether|if] it [comes|springs] back.
num: The new footbridge over the {river} is {span} metres long. [Its|The] own weight and a full crowd [together|in sum] come to {q} kilonewtons on each metre. The whole load is {q} × {span} = {load} kilonewtons, and [by|from] symmetry each end [carries|takes] half, {half}. The bending moment in the middle is {q} × {span}² ÷ 8 = {moment} kilonewton metres.
num: [Take|Suppose] a simple beam of {span} metres with {q} kilonewtons per metre. [First|Step one], total load: {span} × {q} = {load}. [Second|Step two], each support: {load} ÷ 2 = {half}. [Third|Step three], the [middle|centre] moment: q times span squared over eight, which [is|gives] {moment} kilonewton metres.
err: [Strength|A strong beam] is not [stiffness|enough]: a deck that [never breaks|is safe] may still [bounce|sway] so much that [nobody|no one] [likes|trusts] it.
err: [Blocked|Painted-over] [bearings|rollers] [turn|change] summer heat into [cracks|broken stone].
err: [Most|Nearly all] [failures|collapses] [begin|start] in a [joint|connection], so the [joint|small plate] [deserves|needs] as [much|many hours of] thought as the [span|beam].
end: A [good|sound] bridge is [noticed|seen] [once|on the first day] and [then|ever after] [used|forgotten], which is the [highest|finest] [praise|compliment] [engineers|it can] [get|have].
end: [The river|The water] will [keep|go on] [asking|testing]; the bridge [has|needs] to [answer|be right] every [day|hour].
ask: What load does each end of a {span} metre bridge carry at {q} kilonewtons per metre?|Why does an arch [stand|hold] without [glue|mortar], and how is a [simple beam|small bridge] reckoned?
""",
    "soil": """
craft: gardening
thing: garden bed
title: [Under|Beneath] the [beds|spade]|[Feeding|Looking after] the soil|[A garden|The kitchen garden] [begins|starts] below
open: [Plants|Vegetables] [make|build] themselves [mostly|largely] from air and water, [but|yet] what they [cannot|do not] find there they must [ask|draw] from the soil.
open: A [handful|spoonful] of good [garden|meadow] soil [holds|contains] more living things than there are [people|human beings] on Earth, and [almost|nearly] all of them are [at work|busy].
open: The [best|surest] [tool|sign] in a garden is the [nose|hand]: [sweet|clean-smelling], [crumbly|loose] earth [rarely|hardly ever] [grows|bears] poor [beans|crops].
fact: Soil is [roughly|about] half [solid|mineral], and the [rest|other half] is [air and water|pores], so [treading|walking] on a wet bed [crushes|presses out] just the part that [roots|plants] [need|breathe].
fact: Clay [holds|keeps] water and [nutrients|food] but [drains|warms] slowly; sand [drains|warms] [fast|quickly] and [keeps|stores] [little|almost nothing]; [humus|rotted matter] [improves|mends] both.
fact: [Beans and clover|Peas and clover] [host|house] bacteria in [small|pale] knots on their roots that [fix|catch] nitrogen [from the air|out of the air], and [leave|pass on] some for the [next|following] crop.
fact: An earthworm [can|may] [pass|eat] its own weight in soil each day, and its [tunnels|burrows] [drain|air] a bed [better|deeper] than any [fork|spade].
fact: Compost [heats|warms] to sixty degrees when [brown|dry] and green [material|stuff] are [well mixed|layered], for the [bacteria|microbes] [give off|release] the warmth of their [meals|work].
fact: [Most|Nearly all] [vegetables|garden crops] [prefer|like] a pH between 6 and 7; [lime|ground limestone] [raises|lifts] it, and [sulphur|leaf mould and sulphur] [lowers|brings down] it slowly.
fact: [Mulch|A mulch] of [straw|leaves] [cuts|reduces] evaporation by as much as [half|a half], and [keeps|holds] the [surface|top] from [sealing|crusting] under [heavy|hard] rain.
fact: [Potatoes|A potato crop] [should|ought to] [move|change place] every [three|four] years, [because|for] [eelworm|their diseases] [wait|stay] in the ground [for|over] [several|two or three] seasons.
fact: [Seeds|A seed] [germinate|wakes] by temperature [more|rather] than by date: [peas|broad beans] from [five|four] degrees, [beans|runner beans] from [ten|twelve], [melons|cucumbers] from [eighteen|twenty].
fact: [Frost|Hard frost] [breaks|splits] clods because water [swells|grows] by nine per cent as it freezes, [which|and that] is why [heavy|clay] land is dug in [autumn|November].
how: [Dig|Lift] a spade [deep|straight down] and [look|read] the [side|wall] of the hole: [colour|dark colour], roots and worms [say|tell] more than a [label|kit].
how: [Spread|Lay] [five|four|six] centimetres of compost on the bed and [let|leave] the worms [carry|pull] it down.
how: [Sow|Plant] in [lines|rows], [thin|space] the seedlings while they are [small|no taller than a thumb], and [water|soak] [once|well] rather than [often|a little each day].
how: [Turn|Fork over] the heap after [three|four] weeks, [outside|edges] to the middle, and [wet|moisten] it [until|so that] it [feels|is] like a [wrung|squeezed] sponge.
how: [Follow|Let] [hungry|greedy] crops [such as|like] cabbage [by|be followed by] beans, and beans by roots.
how: [Keep|Write] a plan of [the beds|what grew where], since [memory|nobody's memory] [lasts|covers] [less|no more] than two [summers|years].
num: A [raised|new] bed is {len} metres long and {wid} metres wide, and needs {dep} centimetres of compost. The area is {len} × {wid} = {area} square metres. One centimetre over one square metre is 10 litres, so the bed [takes|needs] {area} × {dep} × 10 = {litres} litres. At 40 litres a bag that is {litres} ÷ 40 = {raw}, [rounded|which we round] up to {bags} bags.
num: [Work|Go] from area to volume. {len} by {wid} metres [is|makes] {area} square metres; a layer of {dep} centimetres [over|on] that is {litres} litres, because each centimetre [adds|is worth] 10 litres a square metre. Bags [hold|come in] 40 litres, {litres} ÷ 40 = {raw}, and [since|as] no shop [sells|cuts] part of a bag, [buy|order] {bags}.
err: [Fresh|Raw] [sawdust|wood chips] dug in [steals|locks up] nitrogen for a [year|season], as the [fungi|microbes] that [rot|eat] it [take|need] their share first.
err: [Watering|To water] a [little|sip] every [evening|day] [keeps|leaves] roots [near the top|shallow], where the [first|next] hot [week|wind] [finds|kills] them.
err: [Digging|Working] clay when it is wet [makes|bakes] bricks; [wait|hold off] until a [ball|lump] of it [crumbles|breaks] in the hand.
end: [Feed|Look after] the soil and it [feeds|looks after] the [plants|crops]; the [reverse|other way round] has never [worked|been seen].
end: A garden [keeps|has] a [long|good] memory, and [each|every] [bucket|barrow] of compost is a [letter|gift] to [some|a] later [summer|spring].
ask: How many bags of compost does a bed of {len} by {wid} metres need?|Why should [crops|vegetables] change places each year, and how much compost does a bed [need|take]?
""",
    "clock": """
craft: mending clocks
thing: pendulum clock
title: [What|How] a pendulum [counts|tells]|[Keeping|Losing] time|The [clock|watch] on the [wall|bench]
open: A clock is [two|only two] things: something that [repeats|swings] [evenly|at a steady rate], and something that [counts|keeps count of] the repeats.
open: [Time|The hour] was [once|long] a [local|village] matter: noon was when the Sun [stood|was] highest, and [the next town|a town to the west] had its own, [some|a few] minutes [later|after].
open: [On|Upon] the bench a clock is [a quiet|an honest] [teacher|patient]; it [shows|repeats] its fault [every|each] [hour|day] until [someone|you] [understand|finds] it.
fact: The time of a [small|narrow] swing [depends|hangs] on the length of the pendulum and on gravity, and not on the weight of the bob, [as|just as] Galileo [noticed|observed].
fact: Huygens [built|made] the first pendulum clock in 1656, and the error [fell|dropped] from [about|some] fifteen minutes a day to [less than|under] one.
fact: A pendulum that beats seconds is close to 99.4 centimetres long, and to [halve|cut in half] the beat one must [quarter|take a quarter of] the length, since time [goes|grows] with the square root.
fact: [Warmth|Summer heat] [lengthens|stretches] a [steel|plain steel] rod by about 11 millionths per degree, so [a clock|an ordinary clock] [loses|drops] [roughly|about] half a second a day for each degree.
fact: Harrison's fourth sea watch [lost|was out by] only about five seconds on the voyage to Jamaica in 1761 and 1762, and [longitude|the longitude problem] was [in effect|practically] solved.
fact: Four minutes of clock time [correspond|answer] to one degree of longitude, because the Earth turns 360 degrees in 24 hours.
fact: Quartz in a watch [vibrates|hums] 32,768 times a second, which is two [multiplied by itself fifteen times over|to the power fifteen], so fifteen halvings give [exactly|just] one tick.
fact: Railways [brought|forced] [standard|common] time: [Britain's|the British] lines [kept|ran on] London time by the [late 1840s|1850s], and [zones|time zones] [followed|came] in 1884.
fact: [A sundial|The sundial] and a clock [differ|disagree] by up to sixteen minutes in the [course|round] of the year, for the Earth's [path|orbit] is [oval|not a circle] and its axis [leans|is tilted].
fact: The escapement [gives|hands] the pendulum a [tiny|small] push at [each|every] swing and [lets|allows] one tooth [pass|escape]; the tick is the [sound|noise] of [that tooth|a tooth] being [caught|stopped].
how: [Set|Hang] the case [upright|level], and [listen|wait]: tick and tock must be [evenly|equally] spaced.
how: [Bend|Move] the crutch [a little|by a hair] toward the [later|slower] side until the beat is [even|true].
how: [Clean|Wash] the old oil from [each|every] pivot with a [sharpened|pointed] [stick|piece of wood] and [put|leave] one [small|tiny] drop of new.
how: [Compare|Check] with a [true|reliable] signal at the same hour for [seven|five] days before you [touch|turn] the nut.
how: [Raise|Turn up] the bob if the clock is slow, lower it if it is fast, [a half|half a] turn at a time.
how: [Write|Note] the error on a [card|slip] inside the door, with the date and the [temperature|room's warmth].
num: The [hall|station] clock loses {g} seconds a day. In {days} days that is {g} × {days} = {tot} seconds, or {m} minutes and {sec} seconds. One full turn of the nut [gains|is worth] {q} seconds a day, so the [cure|remedy] is {g} ÷ {q} = {turns} turns, [upward|to the right], since a shorter pendulum [swings|goes] faster.
num: [Watch|Observe] it for {days} days: it falls {m} minutes and {sec} seconds behind, {tot} seconds [in all|together]. [Per|For each] day that is {tot} ÷ {days} = {g}. If a turn of the nut [changes|alters] the rate by {q} seconds, then {turns} turns [put|set] it right.
err: [Oiling|Flooding with oil] everything is [worse|more harmful] than [oiling|giving it] nothing: oil [creeps|spreads], [collects|gathers] dust and [becomes|turns to] [grinding paste|a slow sandpaper].
err: [Judging|Trusting] a clock after [one|a single] day [mistakes|confuses] [chance|a warm evening] for [rate|a fault].
err: [Forcing|Pushing] the minute hand [backwards|back] can [bend|break] the striking work of an old [clock|piece].
end: [Keeping|To keep] time is [mostly|chiefly] [keeping|a matter of] records; the [screwdriver|nut] comes [second|after].
end: [When|Once] the beat is [even|true] the room [goes|grows] quiet around it, and [you|one] [stop|cease] hearing what you [mended|set right].
ask: A clock loses {g} seconds a day; how far behind is it after {days} days, and how do I correct it?|What decides the [rate|beat] of a pendulum, and how is a slow clock [regulated|put right]?
""",
    "map": """
craft: map reading
thing: map
title: [Reading|Walking with] a map|[Contours|Paper hills] and [real legs|honest miles]|How [long|far] is that [walk|path]
open: A map is a [careful|useful] lie: it [leaves|throws] out [almost|nearly] everything so that the [rest|few things left] can be [found|seen].
open: [Good|Old] walkers [plan|measure] a day on the kitchen table, [because|for] [paper|a mistake on paper] is [cheap|dry] and [hills|bogs] are not.
open: [Someone|A surveyor] [walked|climbed] [every|each] hill on the sheet before you, with a [theodolite|brass instrument] and [wet|cold] hands.
fact: No flat map can [keep|show] areas, angles and distances all [true|right] at once, since the skin of a [ball|sphere] [cannot|will not] lie flat without [tearing|stretching].
fact: Mercator's map of 1569 [keeps|holds] compass directions straight and [pays|suffers] for it near the poles, where Greenland [looks|seems] as large as Africa though it is about [fourteen|14] times smaller.
fact: Contour lines [join|link] points of equal height: [close|crowded] lines [mean|show] a steep slope, [wide|spread] ones a [gentle|flat] one, and V shapes that point uphill are [valleys|streams].
fact: A [triangle|chain of triangles] with one measured side and [known|all its] angles [gives|fixes] the [others|other sides], and [whole|entire] countries were [mapped|surveyed] from [a single|one] baseline of a few kilometres.
fact: The magnetic pole [wanders|moves] by tens of kilometres [a year|every year], so the [correction|small figure] in a map's margin [grows|goes] old.
fact: On a scale of 1:25,000 four centimetres [are|stand for] one kilometre; on 1:50,000 two [are|will do].
fact: Latitude [follows|can be read] from the height of the Pole Star, but longitude [needs|asks for] a clock, because the stars [turn|wheel] past at fifteen degrees an hour.
fact: [Old|Early] charts [filled|crossed] the sea with lines from compass roses, and a captain [picked|chose] the line nearest to his [course|goal] and [followed|steered] it.
fact: A satellite receiver [compares|weighs] the arrival of [at least|no fewer than] four signals, as it must [find|solve for] three [coordinates|unknowns of place] and the error of its own [cheap|small] clock.
fact: [Place|Field] names [keep|preserve] lost [features|landscapes]: a ford under a bridge, a wood that was [felled|cut down] [centuries|long] ago, a [drained|vanished] mere.
how: [Turn|Set] the map until its [north|top] [agrees|lines up] with the compass, then [everything|each wall and wood] [lies|stands] as it does [on the ground|outside].
how: [Lay|Run] a thread along the path, [bend|curve] by bend, and [hold|measure] it against the scale.
how: [Count|Add up] the contours you [cross|climb], going up only, to [get|find] the total ascent.
how: [Pick|Choose] a catching feature, a [road|river] or wall [beyond|behind] the goal, that [tells|warns] you when you have [gone|walked] too far.
how: In mist [aim|steer] off to one side [on purpose|deliberately], so that you know [which way|where] to turn when you [meet|hit] the [stream|track].
how: [Tick|Mark] off what you pass, and [the moment|as soon as] [something|a thing] is [missing|not there], stop.
num: The route measures {cm} centimetres on a 1:{scale} sheet. On the ground that is {cm} × {scale} = {gcm} centimetres, or {km} kilometres. At 4 kilometres an hour [walking|the flat part] takes {km} ÷ 4 × 60 = {walk} minutes. [Climbing|The climb of] {climb} metres [adds|costs] {climb} ÷ 10 = {extra} minutes by the old rule of one hour for 600 metres. [Together|In all] [allow|plan] {mins} minutes, without [lunch|rests].
num: [Measure|Read] {cm} centimetres from the map at 1:{scale}, which is {km} kilometres. [Time|Allowance] for distance at 4 kilometres an hour: {walk} minutes. [Time|Allowance] for {climb} metres of ascent, one minute for ten metres: {extra} minutes. The sum, {walk} + {extra}, is {mins} minutes.
err: [People|Lost walkers] [make|bend] the land [fit|to] the map they [hoped|wished] for, and [call|take] the wrong [lake|wall] the right one for [an hour|half the day].
err: [Trusting|Following] a phone with [one|a single] [bar|finger-width] of battery is [a plan|planning] for [fine|summer] weather.
err: A compass [beside|near] a [knife|phone] or a wire fence [points|swings] [at|toward] the iron [instead|and not at the pole].
end: The [sheet|map] goes back in the drawer with [mud|a tea ring] on it, and [that|the stain] is [the best|an honest] record of [the day|where it has been].
end: [A person|Someone] who [can read|reads] contours [sees|walks] [two|twice as many] landscapes: the one [outside|there] and the one [drawn|on paper].
ask: How long is a walk of {cm} centimetres on a 1:{scale} map with {climb} metres of climb?|How do [contours|contour lines] work, and how do I [estimate|plan] the time of a walk?
""",
    "salt": """
craft: making salt
thing: salt pan
title: [Salt|White gold] from the [sea|pans]|[The|A] [taste|price] of salt|[Brine|Sea water], wind and [sun|patience]
open: [Salt|Common salt] is [cheap|so cheap] today that we [throw|scatter] it on roads, [but|yet] for [most|much] of history it was [taxed|fought over] like [silver|a metal].
open: [Leave|Put] a saucer of sea water on a [sunny|warm] sill, and [in|within] [three or four|a few] days the [whole|entire] [method|craft] of the salt maker [lies|stands] in front of you.
open: [Cabbage|A cabbage], salt and a [jar|crock] [turn|become] into winter [food|vegetables] without any fire, and the [chemistry|reason] is as [neat|simple] as the [recipe|result].
fact: A litre of ocean water holds about 35 grams of salts, and [some|about] 27 of them are [common|table] salt; the [bitter|other] rest is [mainly|mostly] magnesium.
fact: In a pan the [minerals|salts] [leave|fall] in order: first chalk, then gypsum, then [common|white] salt, and [last|at the end] the bitter ones, so the maker [moves|runs] the brine from [pond to pond|basin to basin] and [stops|drains it] in time.
fact: Salt [draws|pulls] water out of [fish and meat|food] by osmosis, and [bacteria|most microbes] that [land|settle] there [dry|wither] out [too|as well].
fact: Lactic bacteria [bear|endure] two or three per cent of salt while [most|many] [spoilers|rotting kinds] do not, and [that|this] [small|slight] [gap|difference] is what [makes|allows] sauerkraut and pickles.
fact: Salted water [freezes|turns to ice] below zero: at [ten|10] per cent near minus six or seven degrees, and [no|not any] lower than minus twenty-one [at best|at the strongest mix].
fact: A fresh egg [floats|swims] in strong brine and sinks in weak, and salters [used|trusted] [an egg|that] before there were hydrometers.
fact: The body [keeps|holds] [its|the] blood at about nine grams of salt a litre, and [sweat|hard work in heat] [carries|washes] [away|out] several grams [an hour|in a working day].
fact: [Rock|Mined] salt is [the floor|the bed] of [old|vanished] seas, and under [pressure|the weight above] it [flows|creeps] [slowly|like a slow dough], which [closes|heals] its own cracks.
fact: [Small|Fine] crystals [come|grow] from fast boiling, and [large|coarse] [hollow|pyramid-shaped] flakes from [still|quiet], [warm|barely steaming] pans.
fact: [The word|Our word] salary [goes back|is related] to the Latin for salt, though [the story|the tale] that soldiers were paid in [it|sacks of it] has [little|no good] evidence.
how: [Fill|Flood] the first pond at the spring tide and [let|leave] it [clear|settle] for [a week|ten days].
how: [Lead|Run] the clear water [through|over] [shallow|flat] basins, [each|every one] [thinner|shallower] than the last, so that [sun and wind|the wind] can [work|drink].
how: [Rake|Draw] the [crust|crystals] to the edge before [noon|the dew comes], and [heap|pile] it where it [drains|can drip].
how: For pickles [weigh|put] vegetables and water together on the scale, and [take|add] salt by that [whole|total] weight.
how: [Press|Push] everything [below|under] the brine with a [stone|plate], for [mould|trouble] [starts|begins] only where there is air.
how: [Keep|Stand] the jar at [eighteen|about twenty] degrees for [one|two] weeks, [open|loosen] it [daily|once a day], then [move|take] it somewhere [cold|cool].
num: The pan at {place} takes {vol} litres at 35 grams a litre. [That|It] holds {vol} × 35 = {grams} grams, or {kg} kilograms of salts. [About|Roughly] 77 per cent of it is common salt, so the rake [brings|should bring] in close to {nacl} kilograms. With {evap} litres [drying|evaporating] off a day the pan [needs|takes] {vol} ÷ {evap} = {days} days.
num: [Start|Begin] with {vol} litres of sea water. [Multiply|Take that] by 35 grams: {grams} grams, which is {kg} kilograms. [Take|Keep] 77 per cent as common salt, [about|near] {nacl} kilograms. If sun and wind [remove|lift] {evap} litres a day, {vol} ÷ {evap} = {days} days of [good|fair] weather [are|will be] [needed|wanted].
err: [Waiting|Boiling on] until the pan is [quite|fully] dry [leaves|brings] the bitter salts in the heap, and [nobody|no cook] [thanks|forgives] you.
err: [Guessing|Measuring by the spoon] the salt for a [pickle|ferment] [fails|goes wrong] because a spoon of [flakes|coarse salt] [weighs|holds] half as much as a spoon of [fine|table] salt.
err: [Rinsing|Washing] the white film off [a good|a working] brine is [needless|wasted work]; fuzzy [growth|spots] in colour are [another|a different] matter, and that jar [goes|must go] out.
end: [All|Most] of it is done by [sun|wind], and the [maker|worker] [mainly|chiefly] [decides|knows] when to [stop|wait].
end: [Taste|Put] a grain on the tongue: it is [older|more travelled] than any [spice|wine] in the [house|kitchen].
ask: How much salt is in {vol} litres of sea water, and how long does it take to dry?|Why does [brine|salt] keep vegetables from rotting, and how is [sea|coarse] salt made?
""",
    "weaving": """
craft: weaving
thing: loom
title: [Warp|Thread] and [weft|arithmetic]|[On|At] the loom|[How|What] cloth [is counted|is made of]
open: Cloth is two sets of threads that [agree|take turns] to go over and under each other, and [from|out of] that [simple|plain] [rule|promise] come [sails|shirts], [blankets|sacks] and [flags|carpets].
open: A [weaver|good weaver] [does|spends] most of the [work|hours] before the first [throw|pass] of the shuttle, [for|since] a [badly|poorly] [wound|counted] warp [cannot|can never] be [mended|saved] later.
open: [Wool|A fleece] [comes|arrives] [greasy|heavy with grease] and full of [straw|burrs], and it [leaves|ends] as a [scarf|blanket] that may [last|outlive] [forty years|its maker].
fact: Wool [fibres|hairs] have scales that [hook|lock] together when they are [warm, wet and rubbed|worked in hot water], and [felt|a shrunken jumper] is the [result|proof].
fact: [Linen|Flax] fibre is [stronger|tougher] wet than dry, so [sailors|washerwomen] [trusted|liked] it and [spinners|those who spun it] [kept|used] a [bowl|cup] of water [at hand|beside the wheel].
fact: In plain weave the threads [change|cross] at every step, in twill they [skip|float over] two and [move|shift] one, which [gives|makes] the slanting [rib|line] of denim, and in satin they [float|run] over four or more.
fact: Twist [makes|gives] yarn its strength: [short|loose] fibres [press|grip] one another [harder|more tightly] when the yarn is [pulled|stretched].
fact: Jacquard's [loom|machine] of 1804 [read|followed] punched cards, one [card|row of holes] for each [pass|throw] of the weft, and [later|in time] the cards [went|passed] to [counting|calculating] machines.
fact: Kay's flying shuttle of 1733 [let|allowed] one weaver [work|make] wide cloth alone and [doubled|raised] the output, so that spinners [fell|were left] behind until the [jenny|spinning jenny] came.
fact: Indigo [does not|will not] dissolve in water; the dyer [takes|removes] its oxygen, the bath [turns|goes] yellow-green, and the cloth [becomes|turns] blue in the air [within|in] minutes.
fact: [Alum|A little alum] [fixes|binds] [madder|many plant dyes] to the fibre; without [such|this] a mordant the [red|colour] [washes|runs] out [in|after] a few [weeks|rinses].
fact: [Silk|One silk cocoon] [is|gives] a single thread of up to a [thousand|kilometre, or a thousand] metres, and [several|five or six] are [reeled|drawn] together to [make|give] one [usable|visible] yarn.
fact: Cloth [draws|pulls] in on the loom and [shrinks|tightens] again in the wash, [together|all told] by about [ten|ten to fifteen] per cent.
how: [Wind|Measure] the warp on pegs with a cross at one end, and [tie|secure] the cross before you [lift|take] it off.
how: [Spread|Beam] the threads through a raddle and [wind|roll] them on [under|with] even tension, with [paper|sticks] between the layers.
how: [Thread|Draw] each end through its heddle, [checking|counting] in groups of [eight|four|twelve].
how: [Sley|Pull] the reed, [tie|knot] on in [small|narrow] bundles and [pat|feel] across the warp for [slack|soft] spots.
how: [Throw|Send] the shuttle, leave the weft in a [low|gentle] arc, [change|open the next shed] and beat [once|lightly].
how: [Wash|Wet-finish] the cloth in [warm|lukewarm] water with [little|no] rubbing, and dry it [flat|rolled in a towel].
num: The [blanket|scarf] is {cw} centimetres wide at {e} threads to the centimetre, so the warp has {cw} × {e} = {ends} threads. [Each|Every one] must be {len} metres for the cloth plus 1 metre of loom waste, {lenw} in all. The yarn for the warp is {ends} × {lenw} = {yarn} metres. The weft needs [about|nearly] as much again, [say|roughly] {both} metres for [both|the two].
num: [Count|Take] the threads first: {cw} centimetres times {e} is {ends}. [Then|Next] the length: {len} metres and 1 metre for knots and waste [make|are] {lenw}. {ends} × {lenw} = {yarn} metres of warp. [Doubling|Twice] that, for the weft, [gives|is] {both} metres, and the [spinner|shop] should be [asked|told] today.
err: [Selvedges|Edges] that [draw|creep] inwards [mean|show] that the weft is [pulled|too] tight, and they [break|fray] [one|an] edge thread after another.
err: [Beating|Banging] harder does not [repair|even out] [loose|patchy] tension; it [only|merely] [hides|moves] it.
err: [Skipping|Leaving out] the [sample|test square] [saves|spares] an hour and [costs|may cost] a blanket.
end: [When|As] the last [pick|row] is beaten the loom is [only|just] wood again, and the [pattern|numbers] [lie|lies] folded over [an arm|a chair].
end: [Every|Each] shirt is [some|several] kilometres of yarn that [somebody|people] [counted|planned], and [few|hardly any] wearers [ever think of|know] it.
ask: How much yarn does a cloth of {cw} centimetres width and {len} metres length need?|What is the difference between plain weave, twill and satin, and how is yarn [reckoned|planned]?
""",
    "bicycle": """
craft: riding and repairing bicycles
thing: bicycle
title: [Gears|Chains] and [legs|hills]|[Why|How] a bicycle [stays up|is so efficient]|[A|The] [workshop|saddle] [notebook|view]
open: A [person|rider] on a bicycle [goes|travels] [three|about three] times as fast as a [walker|pedestrian] for the same [effort|breath], and no [animal|other machine] [does|moves] [better|more cheaply].
open: [The|A] bicycle [hides|has] nothing: [every|each] part can be [seen|touched], and [nearly|almost] every [fault|noise] has one cause.
open: [Between|From] the [wooden|running] machine of 1817 [and|to] the safety bicycle of 1885 [lies|runs] a [long|crooked] line of [bruises|good ideas].
fact: [Chain|A clean chain] drives [waste|lose] only two to four per cent of the [rider's|input] power, [while|whereas] a [dry|rusty] one [loses|wastes] [visibly|a good deal] more.
fact: Air [resistance|drag] grows with the square of the speed and the power to beat it with the cube, so [going|riding] a quarter faster [asks|takes] [nearly|almost] double the [work|watts].
fact: A [moving|rolling] bicycle steers [itself|into a lean], [mainly|largely] because the front wheel [touches|meets] the ground behind the [line|axis] of the steering, like a [castor|tea-trolley wheel].
fact: Spokes [work|hold] by pull: the hub [hangs|is hung] from the upper ones [rather|more] than it stands on the lower, and [a wheel|together they] can [carry|bear] [many|a hundred] times its [own|] weight.
fact: [Wide|Broad] tyres at [lower|modest] pressure [roll|run] as well as narrow ones on [rough|ordinary] roads, for they [swallow|absorb] [bumps|small stones] [instead of|rather than] [lifting|shaking] the rider.
fact: Dunlop's [pneumatic|air-filled] tyre of 1888 [won|took] its first races so [clearly|plainly] that solid rubber [vanished|was gone] within [a few|five or six] years.
fact: The derailleur [moves|shifts] the chain sideways while it runs, and [a chain|it] wears [fastest|most] when it [runs|crosses] from the largest ring to the largest [cog|sprocket].
fact: A rider of [ordinary|fair] fitness [holds|keeps up] 100 to 150 watts for hours, [about|roughly] the [need|appetite] of one old light bulb [or two|and a half].
fact: Brakes [turn|change] motion into heat, so on a long descent [short|firm], [separate|spaced] pulls [let|allow] the rims [cool|breathe] between them.
fact: [Most|Nine in ten] [creaks|clicks] [said to come|blamed on coming] from the [crank|bottom bracket] are in [truth|fact] a [dry|loose] seatpost or pedal [thread|screw].
how: [Turn|Stand] the bicycle [upside down|on its saddle] or hang it, and [spin|turn] each wheel past the brake [block|pad] to [see|find] the wobble.
how: [Tighten|Turn] the spoke on the side [away|opposite] from the bulge by a quarter turn, and [loosen|ease] its neighbour by the same.
how: [Measure|Check] the chain over twelve links: [new|fresh], they are 30.48 centimetres; [beyond|at] 30.6 [replace|change] it before it [eats|ruins] the cogs.
how: [Wipe|Clean] the chain with a rag, put one [drop|small drop] of oil on each roller, [wait|leave it] [ten minutes|an hour] and wipe again.
how: [Set|Put] the saddle so that the heel [just|barely] reaches the pedal with a [straight|stretched] leg.
how: [Pump|Check] the tyres every [week|Sunday], [since|because] [thin|light] tubes lose air [through|straight through] the rubber.
num: The chainring has {front} teeth and the [cog|sprocket] {rear}. One turn of the pedals [drives|turns] the wheel {front} ÷ {rear} = {ratio} times. With 2.1 metres [round|for the] tyre that is {ratio} × 2.1 = {per} metres. At {cad} turns a minute the bicycle [covers|makes] {per} × {cad} = {mpm} metres a minute, or [about|nearly] {kmh} kilometres an hour.
num: [Count|First count] teeth: {front} in front, {rear} behind, a ratio of {ratio}. The tyre [measures|is] 2.1 metres [round|about], so each pedal turn [moves|carries] us {per} metres. {cad} turns a minute [make|give] {mpm} metres a minute; [times|multiplied by] 60 and [divided|cut] by 1,000, {kmh} kilometres an hour.
err: [Pushing|Grinding] a [big|high] gear at fifty turns a minute [tires|hurts] the knees; [eighty|ninety] lighter turns [do|give] the same work.
err: [Spraying|Squirting] thin oil on a dirty chain [washes|carries] the grit [inside|into the rollers], where it [works|grinds] [unseen|all summer].
err: A tyre [pumped|blown] [hard|to its limit] for speed [skips|bounces] on [wet|rough] corners, [where|just when] [grip|contact] [matters|counts] most.
end: [With|Given] three spanners and [an evening|a free hour], [nearly|almost] [anyone|everybody] can keep one [going|rolling] for [twenty|thirty] years.
end: [The|A] road [tells|says] more about a [machine|bicycle] than any [shop|catalogue], and it [charges|asks] [nothing|only sweat].
ask: How fast does a bicycle go with {front} and {rear} teeth at {cad} turns a minute?|Why does a bicycle [stay upright|balance], and how do I work out a gear?
""",
    "tea": """
craft: brewing tea
thing: teapot
title: [Leaves|Tea] and [water|degrees]|[One plant|A single shrub], [six|many] teas|[Brewing|Steeping] by [numbers|the clock]
open: Green, white, oolong, black and dark tea all [come|are picked] from one [shrub|plant], Camellia sinensis, and [differ|part ways] only [after|in what happens after] the picking.
open: [Tea|A pot of tea] is [an extraction|chemistry] that [anyone|everyone] [does|performs] before breakfast, [usually|mostly] without [a thermometer|measuring].
open: The [hills|slopes] [where|on which] tea grows are [often|mostly] [in cloud|misty], and the [shade|soft light] [makes|gives] the leaf [sweeter|richer in the acids that taste sweet].
fact: [Bruised|Rolled] leaves [darken|brown] in air because an enzyme [joins|links] their [catechins|bitter substances] with oxygen; [heat|steam or a hot pan] [stops|kills] the enzyme, and the leaf [stays|keeps] green.
fact: Caffeine [dissolves|leaves the leaf] [early|quickly] and bitterness [more slowly|later], [so|hence] a [short|brief] brew [wakes|stimulates] almost as [much|well] as a long one and tastes [milder|softer].
fact: Green tea [likes|wants] water at 70 to 80 degrees, oolong near 90 and black at a [full|rolling] boil, because hotter water [pulls|draws] more of the bitter part.
fact: [Hard|Chalky] water [dulls|flattens] the cup and [leaves|puts] a film on it, a [skin|layer] of [lime|calcium] and [tea|oxidised tea] [substances|pigments].
fact: Tea [reached|came to] Japan with monks [in|around] the ninth century and Europe with [Dutch|the Dutch] ships in [1610|the early seventeenth century].
fact: [Bricks|Pressed bricks] of tea [travelled|went] on the [backs|shoulders] of mules from Yunnan to Tibet, and [horses|ponies] came back [in exchange|as payment].
fact: The [young|top] two leaves and a bud [hold|contain] the most caffeine, for it [guards|protects] [tender|new] growth against [insects|things that bite].
fact: A [large|big] leaf [gives|opens] slowly and can be [brewed|steeped] [four or five|several] times; the dust in a [bag|cheap bag] gives everything in [one|two minutes] [go|flat].
fact: [Altitude|Height] [lowers|brings down] the boiling point by about one degree for every three hundred metres, so mountain [huts|inns] [brew|serve] [weak|pale] black tea [whatever|no matter what] they do.
fact: Oolong is [stopped|fixed] half way, [anywhere|somewhere] between ten and eighty per cent [browned|oxidised], and the [maker|tea master] [judges|decides] by smell.
how: [Warm|Rinse] the pot [first|with hot water], or [the cold|cold] [clay|china] [steals|takes] [five|ten] degrees [at once|in the first minute].
how: [Weigh|Measure] the leaf at least once, since a spoon of [rolled|tight] balls [holds|carries] three times as much as a spoon of [open|loose] leaf.
how: [Let|Leave] the kettle [stand|cool] [three|four|five] minutes for green tea, or pour the water [once|twice] from [cup to cup|one jug to another].
how: [Time|Count] [two|three] minutes, [pour|empty] the pot [completely|to the last drop], and [add|allow] [half a minute|thirty seconds] for [each|every] later brew.
how: [Store|Keep] the tin [away|far] from [coffee|spices], light and damp, because dry leaf [takes|drinks in] every smell.
how: [Taste|Try] it [before|without] milk or sugar, and [write|note] down the [grams|weight] and the minutes.
num: With {gper} grams to 100 millilitres, a pot of {pot} millilitres [takes|needs] {gper} × {pot} ÷ 100 = {leaf} grams. At {pots} pots a day that is {leaf} × {pots} = {daily} grams, and a tin of {tin} grams [lasts|will last] {tin} ÷ {daily}, [about|roughly] {days} days.
num: [Take|Use] {gper} grams per 100 millilitres. The pot [holds|is] {pot} millilitres, so {leaf} grams go in. {pots} pots [use|make] {daily} grams a day. The {tin} gram tin, divided by {daily}, [reaches|is enough] for {days} days and [some|a little] over.
err: [Boiling|Reboiled] water on [fine|good] green leaf [cooks|scalds] it, and [no|not any amount of] sugar [hides|mends] the [harshness|bitter edge].
err: [Leaving|Forgetting] the leaf in the pot [makes|turns] the second cup into [medicine|ink]; [decant|pour off] the first.
err: [More time|Longer steeping] is not [the same as|a cure for] more leaf: [strength|body] comes from [grams|the leaf], bitterness from minutes.
end: [In the end|After all] the [right|best] cup is the one you would [make|brew] again, and the [note|notebook] is [how|why] you can.
end: [A pot|Tea] [asks|wants] for [ten|five] quiet minutes, and [gives|pays] [back|you] [an hour|most of a morning].
ask: How much leaf does a pot of {pot} millilitres need, and how long does a {tin} gram tin last?|Why does green tea want cooler water than black, and how much leaf [should I use|is right]?
""",
}

# What a domain puts around the facts of a topic. {craft} and {thing} are the topic's own words.
FRAMES = {
    "web": """
open: I [first learned|picked up most of what I know] about {craft} from {person}, who [has worked|spent <12..40> years working] in {place} and [never|hardly ever] [hurries|raises a voice].
open: Last {month} I [spent|had] <3..9> days in {place}, in {region}, and [came|went] home with a notebook [full of|mostly about] {craft}.
open: [People|Friends|Readers] [keep asking|often ask] me how I [got into|started with] {craft}, so here is the [long|honest|unhurried] answer.
open: It was [raining|grey|bitterly cold|unusually warm] in {place} on the [day|morning] I [understood|saw] why {craft} [takes|needs] [so much|such] patience.
open: My [aunt|uncle|neighbour|grandfather] in {place} [kept|left behind] a [shelf|box] of notes on {craft}, and [this {season}|since {month}] I have been [working|reading] through them [page by page|one evening at a time].
mid: {person} [put|explained] it [better|more plainly] than I can, [leaning on|tapping] a [table|gate|workbench] in {place}.
mid: I [wrote|copied] that down [twice|on the back of a receipt], because [the first time|on first hearing] I [did not|could not] believe it.
mid: [For a while|In my first {season}] I [thought|was sure] this was [a matter of taste|superstition]; <4..15> [trials|attempts] [later|after that] I [know better|have changed my mind].
mid: [This is|Here is] the part that [surprised|pleased|puzzled] me most when I [tried it|tested it] at home in {month}.
mid: A [visitor|reader] from {place} [wrote|told me] that in {region} they [do|see] it [slightly|a little] differently, and [I believe her|it may well be so].
mid: [The weather|My own kitchen table|An old envelope] [did not help|was covered with figures] [that week|by {month}], but the [result|pattern] [held|came out the same].
end: If you [try|attempt] any of this, [start small|change one thing at a time], and [tell|write to] me [what|how it] [happens|goes].
end: {person} [laughed|nodded] when I [read|showed] this [page|piece], [corrected|changed] <2..6> [words|numbers], and [said|decided] it would [do|pass].
end: That is [all|as much as] I [know|have learned] so far; [ask|come back to] me again in <2..9> years.
end: [Next|The coming] {season} I [hope|mean] to [repeat|check] the [whole thing|measurements] in {region}, and I will [report|write] [honestly|whatever comes out].
""",
    "wiki": """
open: {place} is a [market town|small town|village|former port] on the {river} in {region}, [known|noted] for {craft} since the [late|early|middle of the] [seventeenth|eighteenth|nineteenth] century.
open: The {place} [tradition|school] of {craft} [arose|began] [around|about] {year}, when {person} [settled|opened a workshop] on the [left|right|eastern|western] bank of the {river}.
open: In {region} the [history|practice] of {craft} is [tied|closely linked] to {place}, a [parish|settlement] of about {pop} [people|inhabitants] on the {river}.
geo: The parish [covers|extends over] {area} square kilometres and had {pop} [inhabitants|residents] at the last count, which is [about|roughly] {dens} for each square kilometre.
geo: The {river} [rises|begins] <9..60> kilometres [north|south|east|west] of the town at a height of <210..640> metres and [falls|drops] [steadily|unevenly] to <12..90> metres at {place} bridge.
geo: [Annual|Yearly] rainfall [averages|is about] <560..1240..10> millimetres, with {month} the [wettest|driest] month, and the [mean|average] temperature is <8..12> degrees.
geo: [Until|Before] {year} the [only|main] [road|way] [into|to] {place} [followed|kept to] the river and was [closed|flooded] for <2..7> weeks in [an average|a normal] [year|winter].
his: A [register|charter|tax roll] of {year} [lists|names] <6..48> households, [of which|among them] <2..5> [lived by|were engaged in] {craft}.
his: {person} [published|printed] a [short|practical] [treatise|manual] on {craft} in {year}, [of which|and] <2..9> copies [survive|are known].
his: [The railway|A branch line] [reached|came to] {place} in {year} and [cut|reduced] the price of [coal|freight] by [about|almost] a [third|quarter|half], which [changed|reshaped] the [trade|craft] within a [decade|generation].
his: [After|Following] a [fire|flood] in {year} the [workshops|sheds] were [rebuilt|moved] [in brick|on higher ground], [paid for|financed] by a [subscription|loan] of <300..2400..50> pounds over <5..15> years.
his: The [local|town] museum, [opened|founded] in {year}, [keeps|holds] <120..3900..10> objects, [most of them|chiefly] [tools|documents] [connected with|from] the [trade|craft].
bridge: The [methods|principles] [used|followed] at {place} are [those|the ones] [found|described] [elsewhere|in general works] and can be [summarised|outlined] [briefly|as follows].
bridge: [Accounts|Descriptions] by {person} and [later|other] writers [agree|coincide] on [several|the main] points.
end: [Today|At present] <3..40> people [work|are employed] in the [trade|craft], and a [fair|meeting] held each {month} [draws|attracts] [about|some] <400..5200..100> visitors.
end: The [name|example] of {place} is [often|sometimes] [cited|mentioned] in [textbooks|handbooks] of {craft}, [although|though] [few|only <2..9>] of the [original|early] [workshops|buildings] remain.
end: A [plaque|stone] on the [bridge|hall] [commemorates|remembers] {person}, [who died|buried there] in {year}.
""",
    "books": """
title: Chapter <1..28>
open: {person} [came|returned] to {place} in the [first|last|second] week of {month}, with [one|a] [trunk|bag] and a letter that [nobody|no one there] [expected|had asked for].
open: [There was|They found] [frost|rain|dust|fog] on the [windows|road] of {place} that {season}, and {person} [rose|got up] [before|long before] [the bells|daylight] all the same.
open: "[Begin|Start] with what you can [count|see]," {person} [used to say|had always said], and in the [year|{season}] of {year} there was [little else|not much more] to [begin|start] with.
open: The [workshop|house] at {place} [stood|leaned] between the {river} and the [road|mill], and [everyone|each traveller] who [passed|went by] [looked in|slowed down] to [watch|see] {person} at work.
mid: The [boy|girl|apprentice] [listened|said nothing] for a [while|long moment], then [asked|wanted to know] why it [had|needed] to be [so|done that way].
mid: {person} [wiped|dried] both hands on [an apron|a grey cloth], [went|crossed] to the [window|stove], and [spoke|answered] without [turning round|looking up].
mid: [Outside|Below], a [cart|dog|boat] [went|passed] [by|along the {river}], and for [a minute|as long as that took] [nobody|neither of them] [spoke|moved].
mid: They [walked|went] [down|out] to the [water|bridge|orchard] [at noon|after supper], [counting|measuring] as they went, <12..90> [paces|steps] to the [first|old] [gate|wall].
mid: "You will [forget|lose] this <2..7> times," said {person}, "and [remember|find] it on the [next|last], [which|and that] is [how|the way] anyone [learns|comes to know] a thing."
mid: In the ledger the [day|morning] has [only|just] one line: [wind|weather] [north|west], <3..19> [pieces|orders] [done|finished], [lamp oil|candles] [low|bought], [no|little] news from {place}.
mid: It [cost|took] them [most of|the whole of] {month} to [see|admit] it, and [by then|when they did] the [swallows|first snow] [had gone|had come].
say: "[Listen|Look here|Mark this]," [said|went on] {person}. "
say: [The old|That] [manual|book] on the shelf [said|put] it [in this way|like this]: "
say: {person} [drew|made] a [line|mark] [in the dust|on the slate] and [explained|said]: "
end: [Late|Long after] that night the [lamp|light] [still burned|was still on], and [on|across] the [page|slate] the [sums|figures] [came|stood] [right|in a straight column] at last.
end: [When|Years later, when] {person} [told|came to tell] the story, [it always ended|the end was always] [there|at that point], with the [door|window] open and the [smell|sound] of [rain|the {river}] [coming in|in the room].
end: And [so|that was how] the {season} [passed|went], [not|less] [quickly|in haste], [but|and] [nothing|no hour] of it was [wasted|lost].
""",
    "docs": """
title: A [practical|working|short] guide to {craft}
title: {place} [workshop|course] handbook: {craft}
title: {craft}: a procedure with [reasons|worked figures]
open: This [guide|page|sheet] [describes|sets out] a [tested|reliable] [procedure|routine] for {craft}, [written|drawn up] for [volunteers|beginners|new members] of the {place} [workshop|society].
open: [Read|Go through] the [whole|entire] [page|procedure] before you [begin|start], [because|since] [two|some] of the steps [cannot|can not easily] be [undone|repeated].
open: The [steps|instructions] [below|that follow] [assume|take it] that you [have|work with] [ordinary|simple] tools and about <2..6> hours; {person} [checked|revised] them in {month}.
bridge: [Background|Why it works]. [The points below|These facts] [explain|give] the reasons behind the [steps|procedure].
steps: [Procedure|Steps]. [Work|Proceed] in this order, and [note|record] [every|any] [departure|change].
example: [Worked example|A calculation with figures].
trouble: [Troubleshooting|When it goes wrong].
end: [Record|Write down] the date, the [names|people] and the [results|figures] in the [log|workshop book], and [report|tell] anything [unusual|unexpected] to {person}.
end: Revision <2..14>, {month}: [the times|the figures] in step <2..3> were [checked|measured again] in {place} by <2..6> people, [who agreed|whose results agreed] within <2..6> per cent.
""",
    "qa": """
lead: Question: {ask} [I live in {place} and|I am a beginner, and] [would like|want] to [understand|know] the [reason|working] [as well as|and not only] the [answer|result].
lead: Question: {ask} [I asked|We discussed this with] {person} in {place}, [but|and] [the answer|what we heard] was [too short|only a number].
lead: Question: {ask} [Please|If possible,] [show|give] the [steps|reasoning], [so that|because] I [have|need] to explain it to <3..24> [pupils|children|colleagues] in {month}.
answer: Answer: [There are two parts to this|Let us take it in order], [first|beginning with] the [reason|principle], then the [figures|numbers].
answer: Answer: the [short|quick] version comes at the end; the [reasons|working] [matter|are worth having] [more|first].
mid: [That is|So much for] the principle. [Now|Next come] the numbers.
mid: [With that in mind|Knowing this], the [calculation|sum] is [short|not hard].
end: [To check|As a check], [do|work] the [sum|calculation] [backwards|a second time with rounder numbers]; if the two [differ|disagree] by more than [a few|two or three] per cent, [look|search] for a [slip|misread unit].
end: [In practice|In real life] {person} of {place} [allows|adds] [about|some] <4..12> per cent for [error|the unexpected], which is [wise|sensible].
end: So the [answer|result] [follows from|rests on] [two|three] facts you can [test|see] yourself, and [one|a single] [multiplication|line of arithmetic].
""",
}

# Problems worked by demo_numbers.PROBLEMS. `say` asks, `do` works, `see` checks or remarks; {steps} is a list of computed sentences.
PROBLEMS = {
    "gcd": """
name: The greatest common divisor
say: [A floor|A courtyard] in {place} is {a} centimetres by {b} centimetres. What is the largest square tile that [covers|fits] it [exactly|without cutting]?
say: {person} has {a} [red|glass] beads and {b} [blue|wooden] ones and wants to make [identical|equal] [bracelets|bags] with nothing left over. How many, at most?
do: We need the greatest common divisor of {a} and {b}, and Euclid's method finds it by repeated division. {steps} The last remainder that is not zero is {g}, so the answer is {g}.
do: [Divide|Start by dividing] the larger by the smaller, keep the remainder, and repeat. {steps} [Here|At this point] the remainder vanishes, and the divisor {g} is the greatest common one.
see: Check: {a} = {g} × {ag} and {b} = {g} × {bg}, and {ag} and {bg} [share no factor|have no common divisor] above 1.
see: The method works because [any number|whatever] that divides both {a} and {b} also divides [their difference|the remainder], so [nothing|no common divisor] is [lost|missed] on the way down.
""",
    "linear": """
name: Two unknowns
say: At the {place} [fair|market] {person} [bought|paid for] {p} [apples|pears] and {q} [oranges|lemons] for {t1} pence; a [friend|neighbour] took {r} and {s} of the same for {t2} pence. What does each cost?
say: Two kinds of [tickets|parcels] are sold in {place}. {p} of the first kind and {q} of the second cost {t1} crowns, {r} of the first and {s} of the second cost {t2}. Find both prices.
do: [Call|Let] the prices x and y. Then {p}x + {q}y = {t1} and {r}x + {s}y = {t2}. Multiply the first by {r} and the second by {p}: {pr}x + {qr}y = {t1r} and {pr}x + {sp}y = {t2p}. [Subtract|Taking one from the other], {dy}y = {dt}, so y = {y}. Put that back: {p}x = {t1} − {qy} = {px}, and x = {x}.
see: [Test|Check] both lines: {p} × {x} + {q} × {y} = {t1}, and {r} × {x} + {s} × {y} = {t2}, as [required|the question says].
see: Two [honest|independent] equations [fix|settle] two unknowns; had the second been a [multiple|copy] of the first, [infinitely many|endless] prices would have [fitted|worked].
""",
    "quadratic": """
name: A quadratic by factors
say: A [rectangular|walled] garden in {place} is {d} metres longer than it is wide and has an area of {area} square metres. How wide is it?
say: {person} [thinks of|writes down] a [positive|whole] number; the number times a number {d} larger [gives|is] {area}. What was it?
do: Let the [width|smaller number] be w. Then w(w + {d}) = {area}, that is w² + {d}w − {area} = 0. We [look for|need] two numbers whose product is −{area} and whose sum is {d}: they are {v} and −{w}. So (w + {v})(w − {w}) = 0, and since w is positive, w = {w}.
do: Write the equation as w² + {d}w = {area} and complete the square: (w + {hd})² = {area} + {hd2} = {sq}. The root of {sq} is {root}, so w = {root} − {hd} = {w}; the other root, −{v}, [makes no sense here|is not positive].
see: Check: {w} × {v} = {area}, and {v} − {w} = {d}.
see: The negative root −{v} is not [nonsense|an error]: it [solves|belongs to] the equation, but the [question|story] [rules it out|asks for something positive].
""",
    "mean": """
name: Mean, median and an outlier
say: {person} [noted|recorded] the [rainfall|minutes walked|visitors] in {place} on seven days: {list}. Find the mean and the median, and say which is [fairer|more typical].
do: The sum is {sum}, and {sum} ÷ 7 = {mean}, which is the mean. In order the values are {sorted}; the fourth of them, the median, is {median}.
do: [Sort first|Put them in order]: {sorted}. The middle value is {median}. For the mean, add: the total is {sum}, divided by 7 that is {mean}.
see: The [large|outlying] value {out} [pulls|drags] the mean up by about {pull} above the mean of the other six, {rest}, while the median [hardly|scarcely] [notices|moves]. [For|As] a typical day the median is the better [answer|description].
see: Leave {out} out and the mean of the remaining six is {rest}, a fall of {pull}; a summary that [changes|jumps] so much on one [day|value] should be [used|read] with [care|caution].
""",
    "interest": """
name: Compound interest
say: {person} [puts|lays] {p} crowns in the {place} savings bank at {r} per cent a year, and [leaves|keeps] the interest there. How much is it after three years?
do: Each year [multiplies|scales] the sum by 1 + {r}/100 = {f}. After one year: {p} × {f} = {y1}. After two: {y1} × {f} = {y2}. After three: {y2} × {f} = {y3}, rounded to the [penny|cent] each time.
see: Simple interest would [give|pay] 3 × {s1} = {s3}, that is {simple} in all; the difference of {diff} is interest on interest.
see: A [useful|rough] rule: divide 72 by the rate. Here 72 ÷ {r} = {dbl}, so the money doubles in [about|roughly] {dbl} years.
""",
    "primes": """
name: Testing a prime
say: Is {n} a prime number? {person} of {place} says it is enough to try [a few|some] small divisors.
do: If {n} had a divisor other than 1 and itself, one of them would be no larger than its square root, which is about {root}. So we try the primes up to {top}: {steps} {verdict}
see: [Trying|To try] {cnt} divisors instead of {n} is a [great|large] saving, and it [rests|depends] on [one|a simple] remark: factors come in pairs, and the smaller of a pair cannot exceed the root.
see: [Even numbers|Multiples of 2], 3 and 5 can be [seen|told] at a glance, by the last digit or by the sum of digits, so the [real|honest] work [starts|begins] at 7.
""",
    "work": """
name: Two workers together
say: {person} [digs|paints] a [ditch|fence] at {place} in {a} hours; a [helper|neighbour] needs {b} hours for the same. How long do they take together?
do: In one hour the first does 1/{a} and the second 1/{b}. Together that is 1/{a} + 1/{b} = {num}/{den} of the work. The time is the [inverse|reciprocal], {den}/{num} = {t} hours, [about|or roughly] {h} hours and {m} minutes.
do: [Imagine|Suppose] they work for {ab} hours. The first [finishes|does] {b} [ditches|fences] and the second {a}, {num2} in all. So one takes {ab} ÷ {num2} = {t} hours, that is [about|close to] {h} hours {m} minutes.
see: The result must be less than {a}, the faster worker's own time, and more than half of it, {half}; {t} [lies|is] between, [so it is plausible|as it should].
see: [Adding|To add] the times, {a} + {b}, or [averaging|taking the mean of] them are the [usual|common] [errors|wrong turns]: rates add, times do not.
""",
    "binary": """
name: A number in base two
say: Write {n} in the binary system, and [check|prove] the result. {person} [needs|wants] it for a [row|board] of lamps in {place}.
do: Divide by 2 again and again and note the remainders. {steps} Read the remainders from the last to the first: {bits}.
see: Check by adding the powers of two where a 1 stands: {powers} = {n}.
see: The number has {len} binary digits because 2 to the power {lo} is {plo}, not more than {n}, and 2 to the power {len} is {phi}, already [larger|too large].
""",
    "pythagoras": """
name: A right triangle
say: A ladder [leans|stands] against a [wall|barn] in {place}. Its foot is {a} decimetres from the wall and it [reaches|touches] {b} decimetres up. How long is it?
say: {person} walks {a} hundred paces east and {b} hundred north across {region}. How far is the [straight|direct] way back?
do: The [two sides|legs] meet at a right angle, so the square of the long side is the sum of the squares: {a}² + {b}² = {a2} + {b2} = {c2}. The root of {c2} is {c}.
see: The [direct|slanting] way of {c} saves {save} against the {sum} of going round the corner.
see: {a}, {b} and {c} are a Pythagorean triple: they come from m = {m} and n = {k} by m² − n², 2mn and m² + n².
""",
    "dice": """
name: Counting chances
say: Two [fair|ordinary] dice are thrown at the {place} [fair|school]. {person} wins when the sum is {s}. How likely is that?
do: Each die has 6 faces, so there are 6 × 6 = 36 equally likely pairs. The pairs with sum {s} are {pairs}, which is {k} of them. The [chance|probability] is {k}/36, about {pct} per cent.
see: In {n} throws we expect about {n} × {k} ÷ 36 = {exp} wins, but a [run|series] of [luck|bad luck] is no [reason|evidence] to [doubt|suspect] the dice [at once|yet].
see: The sums from 2 to 12 are not equally likely, since 7 can be made in six ways and 2 in only one; [here|for {s}] it is {k}.
""",
    "search": """
name: Binary search by hand
say: {person} has the sorted numbers {list} on cards, face down, in {place}. How many cards must be turned to find {x}?
do: Always turn the middle card of what is left. {steps} So {k} cards are [enough|turned].
see: Each turn [throws away|rules out] half of the cards, so {n} cards never need more than {max} turns, and a million would need [no more than|only] twenty.
see: The list must be sorted: in a [shuffled|mixed] row the middle card says nothing about [where|on which side] the [wanted|missing] one [lies|is].
""",
    "sort": """
name: Sorting by insertion
say: Sort the numbers {list} by insertion, and count the moves. {person} [teaches|showed] it in {place} with playing cards.
do: Take the numbers from left to right and push each one back until its left neighbour is not larger. {steps} The row is sorted after {k} moves.
see: The number of moves equals the number of pairs that stood in the wrong order, {k} here; at worst, for {n} numbers, it would be {n} × {n1} ÷ 2 = {worst}.
see: For a [nearly|mostly] sorted row insertion is [hard to beat|very quick]; for [long|big] random rows, methods that [split|halve] the row win.
""",
}

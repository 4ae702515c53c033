"""What stands around the main content: headlines of other pages, comments, names, notes of sites. All of it invented."""

from __future__ import annotations

from dataclasses import dataclass


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@dataclass(frozen=True)
class Phrases:
    """The words of one language."""

    headlines: list[str]  # {place}, {n} and {thing} are filled in
    places: list[str]
    things: list[str]
    comments: list[str]
    users: list[str]
    nav: list[str]
    ads: list[str]
    footers: list[str]
    legal: list[str]
    cookies: list[str]
    logins: list[str]
    share: list[str]
    labels: list[str]  # headings of side columns
    signatures: list[str]
    tags: list[str]


CHINESE = Phrases(
    headlines=_lines("""
        {place}老旧小区改造今年再添{n}个项目
        {place}夜市升级开放，摊位增加{n}个
        专家提醒：{thing}别再这样存放了
        {n}个细节教你挑到好的{thing}
        {place}图书馆延长开放时间到晚上{n}点
        一张图看懂{place}公交线路调整
        {place}一中举行第{n}届科技节
        {thing}价格连续{n}周回落，后市怎么看
        周末去哪儿：{place}周边{n}条徒步线路
        {place}发布高温黄色预警，户外作业请注意
        新手必看！{thing}使用中的{n}个误区
        {place}新建口袋公园{n}处，推窗见绿
        {place}冬季供暖问答：这{n}个问题您最关心
        老手艺人和他的{thing}
        {thing}怎么选？{n}款横向对比来了
        {place}跨河大桥合龙，预计明年通车
        从零开始学{thing}（{n}）
        {place}菜市场里的烟火气
        {n}万名游客假期打卡{place}
        {thing}涨价背后：产地减产{n}成
        读者来信：{place}的那条小巷
        {place}地铁二号线今日试运行，设站{n}座
        {place}招募志愿者{n}名，报名从速
        如何给{thing}做一次彻底的保养
        {place}马拉松开跑，{n}名选手参赛
        收藏！{thing}的{n}种做法
        {place}人才公寓配租结果公示
        {place}中小学校招生范围有变
        {thing}出口同比增长{n}个百分点
        {place}医院开通夜间门诊，可预约{n}个科室
    """),
    places="云岭 江湾 临溪 白鹭洲 青禾 石桥 沙坪 望潮 松林 东湾 古渡 南屏 梅岭 长堤 凤凰台 柳塘 北关 桃源里 海曲 铁山".split(),
    things="紫砂壶 电饭煲 柚子 蓝牙耳机 登山鞋 手冲咖啡 羽绒服 机械键盘 茶叶 空气净化器 自行车 多肉植物 红薯 书桌 净水器 显示器 大闸蟹 竹编 投影仪 猫粮 单反镜头 腊肉 瑜伽垫 老唱片".split(),
    comments=_lines("""
        说得挺在理，先收藏了慢慢看。
        我们这边去年也遇到过一样的情况，最后不了了之。
        楼上的别抬杠，人家说的是北方的做法。
        沙发！好久没抢到过了。
        小编能不能把图放大一点，手机上根本看不清楚。
        顶一个，希望有关部门能看到。
        感谢分享，照着做了一遍，成功了。
        写得太啰嗦，看了一半没看下去。
        请问还有后续吗？等更新等得好辛苦。
        这个价格也好意思拿出来说，我家楼下便宜一半。
        我爷爷就是干这行的，看得眼眶有点热。
        建议加个目录，找起来太费劲了。
        路过，纯支持一下。
        第三段的数字好像和标题对不上，麻烦核实一下吧。
        学到了学到了，以前一直以为是反过来的。
        不同意，凡事不能一概而论。
        同城的朋友可以加个好友一起去。
        转给我妈看了，她说比她那套方法好。
        刚买不到一个星期就坏了，客服也联系不上。
        每天打卡第一百二十天，继续努力。
        什么时候轮到我们县城啊，羡慕。
        想知道作者用的是什么相机，颜色真舒服。
        评论区比正文精彩系列。
        前排围观，瓜子已经准备好了。
        用了两年多，没有出过毛病，值得入手。
        求一份电子版，邮箱私信你了，谢谢好人。
        这个问题我也问过，没人回答我，心酸。
        年纪大了眼神不好，能出一期语音的吗？
        写这些有什么用，还不是老样子。
        已经按您说的改过来了，确实好多了，感谢！
    """),
    users="清风徐来 北城以北 小鱼干 不吃香菜 老张头 半糖去冰 雨后天晴 夜航船 麦田守望 阿泽 木木 一只橘猫 山里人 爱喝茶的猪 天天向上 土豆炖牛肉 蓝色多瑙 晚风 路人甲 追风筝 豆浆油条 江边钓翁 薄荷糖 铁皮青蛙".split(),
    nav="首页 新闻 国内 国际 社会 财经 科技 体育 娱乐 汽车 房产 教育 健康 旅游 美食 时尚 读书 论坛 博客 视频 图片 专题 地方 军事 游戏 招聘 天气 彩票 母婴 家居 数码 公益".split(),
    ads=_lines("""
        【广告】开学季大促，全场满三百减五十，点击领取优惠券
        装修报价器：输入面积，十秒算出你家装修要花多少钱
        学历提升报名通道已经开启，名额有限，先到先得
        本店新客首单立减二十元，扫一扫下方二维码参加活动
        下载手机客户端，看资讯快人一步，新人送七天会员
        专业疏通管道、开锁换锁，全市上门，不通不收费
        会员限时五折，每天不到一块钱，畅读百万本好书
        云服务器新用户特惠，两核四G首年低至九十九元
    """),
    footers=_lines("""
        版权所有，未经书面授权，任何单位和个人不得转载、摘编
        本网站所载文章、数据仅供参考，使用前请核实，风险自负
        网站地图 | 联系方式 | 诚聘英才 | 广告服务 | 免责声明 | 意见反馈
        违法和不良信息举报电话：0000-8800 000，举报邮箱：jubao@site.example
        建议使用分辨率1024×768以上的浏览器浏览本站
        本站部分内容由网友自行上传，如有侵权请联系我们删除
    """),
    legal=_lines("""
        用户协议和隐私政策已于近日更新，继续浏览即表示您同意更新后的条款
        增值电信业务经营许可证：临B2-00000{n}
        网络文化经营许可证：临网文〔2019〕0000-{n}号
        技术支持：临溪市云帆信息技术中心（虚构）
    """),
    cookies=_lines("""
        我们使用Cookie来改善您的浏览体验，点击“同意”即表示您接受我们的Cookie政策
        您的浏览器版本过低，为了更好的体验，请升级到最新版本后再访问
    """),
    logins=_lines("""
        登录后可以发表评论、收藏文章，还没有账号？立即免费注册
        自动登录（公共场所请勿勾选） 忘记密码？ 用手机验证码登录
        您需要登录后才可以回帖 登录 | 立即注册
    """),
    share="分享到 微博 朋友圈 空间 复制链接 收藏 打印本页 关闭窗口 字号 大 中 小 纠错".split(),
    labels="相关阅读 热门推荐 猜你喜欢 最新发布 点击排行 编辑推荐 图片新闻 热门标签 友情链接 大家都在看 往期回顾 今日热榜".split(),
    signatures=_lines("""
        房租交完，这个月又要天天吃面条了
        人生如逆旅，我亦是行人
        本人长期收旧书旧报，有意者请站内短消息联系
        低调做人，高调做饭
        —— 来自我的手机客户端，随时随地看帖回帖
        认真你就输了，一直认真就赢了
    """),
    tags="生活 记录 经验 攻略 本地 家庭 学习笔记 原创 转载 入门 收藏 干货 手工 旅行 摄影 美食".split(),
)

ENGLISH = Phrases(
    headlines=_lines("""
        {n} things we learned from a week in {place}
        Why your {thing} may not last as long as you think
        {place} council votes to keep the swimming pool open
        How to store {thing} over the winter
        The best {thing} of the year, tested by our readers
        Opinion: {place} deserves a better bus service
        {n} quick dinners for people who hate cooking
        Road works in {place} to last another {n} weeks
        A beginner's guide to {thing}
        Photo essay: the last ferryman of {place}
        Is it worth repairing an old {thing}?
        Rents in {place} rise for the {n}th month in a row
        Watch: storm clears the beach at {place} in {n} minutes
        What nobody tells you about {thing}
        {place} library asks for your old photographs
        Quiz: how well do you know the history of {place}?
        Five questions for a woman who collects {thing}
        {thing}: buying advice, prices and pitfalls
        School choir from {place} wins national prize
        Recall notice: {thing} sold between March and July
        Weekend walks: {n} miles around {place}
        Letters: the trouble with {thing}
        Live blog: flood warnings near {place}
        Save {n}% on {thing} this week only
        Meet the team restoring the {place} clock tower
        Podcast: the strange story of the {place} tunnel
    """),
    places=["Harrow Valley", "Port Ellery", "Milbrook", "Stonegate", "Eastmere", "Fallow Hill", "Cape Dorran", "Wexley", "Thornbury Cross", "Lakeside", "Ashdene", "Kirkmoor", "Pinewater", "Old Quay"],
    things=["garden tools", "wool blankets", "mechanical watches", "bread ovens", "rain jackets", "desk lamps", "bicycle tyres", "coffee grinders", "paper maps", "hiking boots", "cast iron pans", "apple trees", "radio sets", "air filters", "guitar strings", "seed potatoes"],
    comments=_lines("""
        Great write-up, thanks for taking the time to do this properly.
        I disagree with almost everything here, but it was fun to read.
        Could you post the sources? I would like to read more about this.
        First! Just kidding. Good article as always.
        We tried the same thing last year and it was a disaster for us.
        My grandmother used to do it exactly like that, brings back memories.
        This page takes ages to load on my phone, please fix it.
        Am I the only one who cannot see the pictures?
        Shared with my colleagues, very useful, keep it up.
        You forgot to mention the price, which is the whole point.
        Been following this blog for years and never commented before.
        Does anybody know whether this also works in colder climates?
        Typo in the second paragraph, otherwise an excellent read.
        Sounds expensive. I will stick with what I have got.
        I followed the steps and it worked at the first attempt, cheers!
        Not sure why this is news, everybody around here knows it already.
        Please write a follow-up, I am curious how it turns out.
        Subscribed. Looking forward to the next one.
        The author clearly has never had to do this with two small children.
        Respectfully, that is not how it works where I live.
        Came for the headline, stayed for the comments.
        Thanks from a reader in the far north.
        I sent an e-mail about this in March and nobody ever answered.
        Bookmarked for later, my lunch break is over.
    """),
    users="marrow_fat tinlizzie QuietHarbor old_fen_tiger bluekettle Jory pelican77 northlight Hob mossandstone R_Tanner kite_flyer Ottoline saltmarsh greyjay Wick dorset_dan papertrail lowtide Mabs".split(),
    nav=["Home", "About", "News", "Local", "World", "Business", "Sport", "Culture", "Travel", "Food", "Shop", "Blog", "Docs", "Support", "Contact", "Jobs", "Events", "Video", "Newsletter", "Archive", "Weather", "Opinion", "Books", "Garden", "Help", "Pricing"],
    ads=_lines("""
        ADVERTISEMENT: Switch your broadband today and save up to 40 percent
        Sponsored: the mattress that our readers cannot stop talking about
        Limited offer: twelve issues for the price of six, cancel any time
        Free shipping on all orders over $50 until midnight on Sunday
        Download our app and never miss a story again
        You have two free articles left this month. Subscribe now.
    """),
    footers=_lines("""
        All rights reserved. Reproduction without written permission is prohibited.
        Terms of Service | Privacy Policy | Accessibility | Do Not Sell My Personal Information
        Some links on this page are affiliate links. We may earn a commission if you buy something.
        Questions or complaints? Write to hello@site.example and we will get back to you within two days.
        Powered by open source software. Theme designed with care by a very small team.
        The opinions expressed by contributors are their own and not those of this website.
    """),
    legal=_lines("""
        Registered office: 1 Nowhere Lane, Company number 0000{n}
        By using this site you agree to our community guidelines and terms of use
        This site is protected by a spam filter; its privacy policy applies
    """),
    cookies=_lines("""
        We and our 412 partners use cookies to store and access information on your device
        This website uses cookies to improve your experience. You can opt out at any time.
    """),
    logins=_lines("""
        Already have an account? Sign in here. Forgotten your password?
        Sign up for our weekly newsletter and get the best stories in your inbox
        You must be logged in to reply to this topic
    """),
    share=["Share this story", "Post it", "Pin it", "Email a friend", "Print this page", "Copy link", "Save for later"],
    labels=["Related articles", "You may also like", "Most read", "Latest posts", "Recent comments", "Popular this week", "More from this section", "Trending now", "Don't miss", "Editor's picks"],
    signatures=_lines("""
        Sent from my telephone box
        There are only two hard things: naming, and off-by-one errors
        2003 estate, 190k miles, still going
        Please read the sticky before you post
        Moderator, please use the report button
    """),
    tags=["how-to", "local", "history", "opinion", "repair", "family", "outdoors", "howto", "review", "beginners", "featured"],
)

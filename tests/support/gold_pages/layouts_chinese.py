"""Layouts of Chinese sites."""

from __future__ import annotations

from tests.support.gold_pages.site import Site, layout

XHTML = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'


@layout(old=True, p=("indented", "br"), h="strong", table="plain", pictures="plain")
def portal(s: Site) -> str:
    """A news portal of 2008: tables within tables."""
    side = f"""<td width="300" valign="top"><table width="100%" cellspacing="0"><tr><td class="tt">{s.label()}</td></tr>
<tr><td>{s.links(14, '·<a href="/n/{d}/{n}.shtml" target="_blank">{t}</a><br>')}</td></tr></table>
<table width="100%"><tr><td bgcolor="#eef4fb">{s.ad()}</td></tr><tr><td>{s.links(8, '<div class="pic"><img src="/t/{n}.jpg" width="90"><br><a href="/p/{n}.html">{t}</a></div>')}</td></tr></table></td>"""
    main = f"""<td valign="top" id="artibody_{s.number(1, 9)}"><table width="98%"><tr><td align="center"><h1>{s.title}</h1></td></tr>
<tr><td align="center" class="from">http://www.site.example　{s.date()} {s.number(6, 23)}:{s.number(10, 59)}　{s.name}　【{s.share(4)}】</td></tr>
<tr><td class="f14" id="zoom">{s.body}
<!-- 正文结束 --></td></tr><tr><td align="right">({'责任编辑'}：{s.user()})</td></tr>
<tr><td><b>{s.label()}：</b><ul>{s.links(6, '<li><a href="/n/{n}.shtml">{t}</a> <font color="#999">({d})</font>')}</ul></td></tr>
<tr><td><form action="/comment" method="post">{s.login()}<br><textarea name="c" rows="4"></textarea><input type="submit" value="发表"></form></td></tr></table></td>"""
    return f"""{XHTML}
<html xmlns="http://www.w3.org/1999/xhtml">
{s.head()}
<body topmargin="0"><table width="950" align="center"><tr><td><img src="/logo.gif"></td><td class="nav">{s.nav(18, '<a href="/{n}/">{t}</a> | ')}</td></tr></table>
<table width="950" align="center"><tr><td>{s.crumbs(" > ")}</td><td align="right"><form>搜索 <input name="q"><input type="button" value="搜"></form></td></tr></table>
<table width="950" align="center"><tr>{s.flip(main, side)}</tr></table>
<table width="950" align="center"><tr><td align="center" class="foot">{s.footer(4, '{t}<br>')}</td></tr></table>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", pictures="lazy", entities=(False, True))
def news(s: Site) -> str:
    """A news site of today."""
    main = f"""<div class="{s.pick(['main-content w1200', 'article-left', 'content-l'])}"><h1 class="main-title">{s.title}</h1>
<div class="date-source"><span class="date">{s.date()} {s.number(10, 23)}:{s.number(10, 59)}</span><a class="source" href="/">{s.name}</a><span class="ent">阅读 {s.number(90, 99999)}</span></div>
<div class="article" id="article">{s.interrupted(f'<div class="cont-ad" data-ad="{s.number(100, 999)}"><span>广告</span>{s.ad()}</div>')}
<p class="show_author">责任编辑：{s.user()} SN{s.number(100, 999)}</p></div>
<div class="wap_special">{s.tags(4)}</div><div class="share-bar">{s.share(5)}</div>
<div class="recommend"><h3>{s.label()}</h3><ul>{s.links(8)}</ul></div>
<div class="comment-box"><div class="hd">网友评论 <em>{s.number(3, 900)}</em>条</div>{s.comments(5, '<div class="item"><a class="name">{u}</a><p class="txt">{t}</p><div class="op"><span>{d}</span><a>赞({v})</a><a>回复</a></div></div>')}</div></div>"""
    side = f"""<div class="right-side"><div class="ad-box">{s.ad()}</div><div class="blk"><h3>{s.label()}</h3><ol class="rank">{s.links(10, '<li><em>{v}</em><a href="/a/{n}.html">{t}</a></li>')}</ol></div>
<div class="blk pic-blk"><h3>{s.label()}</h3>{s.links(4, '<a class="pic" href="/s/{n}.html"><img data-src="/u/{n}.jpg"><span>{t}</span></a>')}</div></div>"""
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{s.head('<meta name="viewport" content="width=device-width"><meta property="og:type" content="news">')}
<body><div class="top-banner"><div class="w1200">{s.nav(20, '<a href="//{n}.site.example">{t}</a>')}<div class="login">登录 注册</div></div></div>
<div class="path w1200">{s.crumbs('<i>&gt;</i>')}</div>
<div class="layout clearfix">{s.flip(main, side)}</div>
<div class="gotop" style="display:none">返回顶部 意见反馈 {s.cookie()}</div>
<div class="footer">{s.footer(4)}</div>
{s.tail()}</body></html>"""


@layout(p=("indented", "p"), h="strong", table="word", pictures="plain")
def government(s: Site) -> str:
    """A government portal: a table of metadata above the document, attachments and services around it."""
    meta = [("索引号", f"0000{s.number(1000, 9999)}/2021-{s.number(10000, 99999)}"), ("主题分类", "综合政务"), ("发布机构", s.name), ("成文日期", s.date()), ("发布日期", s.date()), ("效力状态", "有效")]
    cells = "".join(f"<tr><td class='zl'><b>{a}：</b></td><td>{s.say(b) if a == '索引号' else b}</td><td><b>{c}：</b></td><td>{d}</td></tr>" for (a, b), (c, d) in zip(meta[::2], meta[1::2], strict=True))
    side = f"""<div class="zfxxgk_left"><div class="tit">政府信息公开</div><ul class="menu">{s.nav(9)}</ul><div class="tit">{s.label()}</div><ul>{s.links(8, '<li><a href="/art/{n}.html" title="{t}">{t}</a><span>{d}</span></li>')}</ul></div>"""
    main = f"""<div class="zfxxgk_right"><table class="zfxxgk_table" width="100%">{cells}</table>
<div class="tools">{s.share(6)} <a onclick="doZoom(16)">大</a></div><h1 class="xxgk_title">{s.title}</h1><div class="TRS_Editor" id="UCAP-CONTENT">
{s.body}
</div><div class="fujian" style="{s.pick(['display:none', ''])}">扫一扫在手机打开当前页</div><div class="xgwj"><h4>{s.label()}</h4>{s.links(4, '<p><a href="/z/{n}.html">{t}</a></p>')}</div></div>"""
    return f"""<!DOCTYPE html>
<html>
{s.head(f'<meta name="SiteName" content="{s.name}"><meta name="ColumnName" content="通知公告"><meta name="ArticleTitle" content="">')}
<body><div class="header"><div class="top"><span>今天是星期{s.pick('一二三四五')}</span>{s.nav(5, '<a href="/{n}">{t}</a>')}<a>无障碍阅读</a> <a>繁體</a></div><div class="logo">{s.name}</div>
<ul class="nav">{s.nav(8)}</ul><div class="search"><input placeholder="请输入关键字"><button>搜索</button>热搜词：{s.tags(3)}</div></div>
<div class="wz">{s.crumbs(' > ')}</div><div class="con clearfix">{side}{main}</div>
<div class="links"><select><option>国家部委网站</option><option>各省市网站</option><option>县区网站</option></select></div>
<div class="foot">主办：{s.name}办公室　承办：{s.name}信息中心　网站标识码：00000{s.number(10000, 99999)}{s.footer(3)}</div>
{s.tail()}</body></html>"""


@layout(old=True, p="font", h="strong", table="open", upper=True, pictures="plain")
def bureau(s: Site) -> str:
    """A bureau's notice board made by hand about 2004, in upper case."""
    return f"""<HTML>
{s.head()}
<BODY BGCOLOR="#FFFFFF" LINK="#0000cc"><TABLE WIDTH="778" BORDER="0" ALIGN="center" CELLPADDING="0"><TR><TD COLSPAN="2"><IMG SRC="top.jpg" WIDTH="778"></TD></TR>
<TR BGCOLOR="#CC0000"><TD COLSPAN="2">{s.nav(9, '<A HREF="{n}.asp"><FONT COLOR="#FFFFFF">{t}</FONT></A>&nbsp;|&nbsp;')}</TD></TR>
<TR><TD WIDTH="180" VALIGN="top" BGCOLOR="#F6F6F6"><FONT SIZE="2"><B>{s.label()}</B><BR>{s.links(12, '<IMG SRC="dot.gif"><A HREF="show.asp?id={n}">{t}</A><BR>')}
<MARQUEE DIRECTION="up" HEIGHT="100">{s.links(3, '<A HREF="show.asp?id={n}">{t}</A><BR>')}</MARQUEE><BR>您是第{s.number(1000, 99999)}位访客</FONT></TD>
<TD VALIGN="top"><P ALIGN="center"><FONT SIZE="4" COLOR="#CC0000"><B>{s.title}</B></FONT></P><P ALIGN="center"><FONT SIZE="1">发布时间：{s.date()}　点击数：{s.number(10, 3000)}　[{s.share(3)}]</FONT></P><HR SIZE="1">
{s.body}
<HR><P><FONT SIZE="2">上一篇：{s.headline()}<BR>下一篇：{s.headline()}</FONT></P></TD></TR>
<TR><TD COLSPAN="2" ALIGN="center"><FONT SIZE="2">{s.footer(3, '{t}<BR>')}</FONT></TD></TR></TABLE>
{s.tail()}</BODY></HTML>"""


@layout(old=True, p="br", h="strong", code="pre", table="plain", pictures="plain")
def board(s: Site) -> str:
    """A bulletin board of the Discuz! kind, with hidden letters against copying."""

    def jammer() -> str:
        letters = "".join(s.pick("abcdefghijkmnpqrstuvwxyz0123456789") for _ in range(9))
        return f'<span style="display:none">{letters}</span>' if s.draw.random() < 0.4 else ""

    posts = ""
    for i, (post, body) in enumerate(s.posts()):
        pid = s.number(100000, 999999)
        posts += f"""<div id="post_{pid}"><table id="pid{pid}" class="plhin" summary="pid{pid}" cellspacing="0" cellpadding="0"><tr><td class="pls" rowspan="2"><div class="pi"><div class="authi"><a href="space-uid-{pid}.html" class="xw1">{post.author}</a></div></div>
<div class="tns xg2"><table><tr><th><p><a>{s.number(1, 90)}</a></p>主题</th><th><p>{s.number(1, 900)}</p>帖子</th><td><p>{s.number(10, 9000)}</p>积分</td></tr></table></div><p><em>{s.pick(['初中生', '版主', '新手上路', '高级会员', '金牌会员'])}</em></p><dl class="pil cl"><dt>注册时间</dt><dd>{s.date()}</dd></dl></td>
<td class="plc"><div class="pi"><strong><a id="postnum{pid}">{['楼主', '沙发', '板凳', '地板'][i] if i < 4 else f'{i + 1}<sup>#</sup>'}</a></strong><div class="pti"><em id="authorposton{pid}">发表于 {s.date()} {s.number(10, 23)}:{s.number(10, 59)}:{s.number(10, 59)}</em><span class="pipe">|</span><a rel="nofollow">只看该作者</a></div></div>
<div class="pct"><div class="pcb"><div class="t_fsz"><table cellspacing="0" cellpadding="0"><tr><td class="t_f" id="postmessage_{pid}">
{f'<i class="pstatus"> 本帖最后由 {post.author} 于 {s.date()} 编辑 </i><br />' if s.draw.random() < 0.3 else ''}{body}{jammer()}</td></tr></table></div></div></div></td></tr>
<tr><td class="plc plm">{f'<div class="sign" style="max-height:100px">{s.signature()}</div>' if s.draw.random() < 0.4 * s.scale + 0.1 else ''}<div class="po hin"><em><a class="fastre">回复</a></em> <a>举报</a> <a>返回顶部</a></div></td></tr></table></div>
"""
        if i == 0:
            posts += f'<div class="a_p">{s.ad()}</div>'
    return f"""{XHTML}
<html xmlns="http://www.w3.org/1999/xhtml">
{s.head('<meta name="generator" content="Board! X3">')}
<body id="nv_forum" class="pg_viewthread"><div id="append_parent"></div><div id="toptb" class="cl"><div class="z">设为首页 收藏本站</div><div class="y">{s.login()}</div></div>
<div id="hd"><h2><a href="./">{s.name}</a></h2><div id="nv"><ul>{s.nav(10)}</ul></div><div id="mu">{s.links(3, '<a href="thread-{n}-1-1.html">{t}</a>')}</div></div>
<div id="pt" class="bm cl">{s.crumbs(' <em>&rsaquo;</em> ')}</div>
<div id="postlist" class="pl bm"><table cellspacing="0"><tr><td class="pls ptn"><span class="xg1">查看:</span> {s.number(100, 9000)} | 回复: {len(s.content.posts) - 1}</td><td class="plc ptm"><h1 class="ts"><span id="thread_subject">{s.title}</span></h1> <a>[复制链接]</a></td></tr></table>
{posts}</div>
<div id="f_pst">高级模式 <span>B</span> <span>Color</span> <span>Image</span> {s.login()} <label>回帖后跳转到最后一页</label><button>发表回复</button></div>
<div class="bm"><div class="bm_h">{s.label()}</div><ul>{s.links(9, '<li><a href="thread-{n}-1-1.html">{t}</a><em>{u}</em></li>')}</ul></div>
<div id="ft">小黑屋|手机版|Archiver|{s.name} {s.footer(3)} GMT+8, {s.date()} , Processed in 0.0{s.number(10, 99)} second(s), {s.number(5, 30)} queries.</div>
{s.tail()}</body></html>"""


@layout(p="br", h="strong", pictures="plain")
def bar(s: Site) -> str:
    """A forum where every floor is a div with its data in an attribute, and replies below floors."""
    floors = ""
    for i, (post, body) in enumerate(s.posts()):
        floors += f"""<div class="l_post l_post_bright j_l_post clearfix" data-field='{{"author":{{"user_id":{s.number(1000, 99999)},"level_id":{s.number(1, 14)}}},"content":{{"post_no":{i + 1}}}}}'>
<div class="d_author"><ul class="p_author"><li class="icon"><img class="" data-tb-lazyload="/sys/portrait/{s.number(1000, 9999)}"></li><li class="d_name"><a class="p_author_name">{post.author}</a></li><li class="l_badge"><div class="d_badge_title">{s.pick(['略有小成', '初级粉丝', '人气楷模', '黄牌指导'])}</div><div class="d_badge_lv">{s.number(1, 14)}</div></li></ul></div>
<div class="d_post_content_main"><div class="p_content"><cc><div class="d_post_content j_d_post_content clearfix">            {body}</div><br></cc></div>
<div class="core_reply j_lzl_wrapper"><div class="core_reply_tail"><span class="tail-info">来自手机客户端</span><span class="tail-info">{i + 1}楼</span><span class="tail-info">{s.date()} {s.number(10, 23)}:{s.number(10, 59)}</span><a class="lzl_link_unfold">回复</a></div></div></div></div>
"""
    side = f"""<aside class="right_section"><div class="balv_mod">{s.login()}</div><div class="topic_list"><h4>{s.label()}</h4><ul>{s.links(10, '<li><i>{v}</i><a href="/p/{n}">{t}</a><span>实时热度{v}</span></li>')}</ul></div><div class="app_download">{s.ad()}</div></aside>"""
    main = f"""<div class="left_section"><div class="core_title_wrap"><h1 class="core_title_txt" title="">{s.title}</h1><ul class="core_title_btns"><li>只看楼主</li><li>收藏</li><li>回复</li></ul></div>
<div class="p_postlist" id="j_p_postlist">{floors}</div><div class="pager">1 2 3 下一页 尾页</div></div>"""
    return f"""<!DOCTYPE html>
<html>
{s.head()}
<body class="skin_{s.number(1000, 9999)}"><div id="local_flash_cnt"></div><div class="userbar"><ul>{s.nav(6)}</ul></div><div class="head_inner"><form><input><button>进吧搜索</button></form></div>
<div class="card_title"><a class="card_title_fname">{s.pick(s.words.places)}吧</a> 关注：{s.number(1000, 99999)} 帖子：{s.number(1000, 99999)} 目录：生活家</div>
<div class="pb_content clearfix">{s.flip(main, side)}</div><div class="edui-editor">发表回复 发言前请先阅读本吧的规矩 投诉 停止浮动</div>
<div class="footer">{s.footer(2, '<span>{t}</span>')}</div>
{s.tail()}</body></html>"""


@layout(p=("br", "p"), h="strong", maths="raw", table="plain", pictures="plain", code="pre")
def answers(s: Site) -> str:
    """Questions and answers of the older kind: one best answer, others below."""
    question, *rest = s.posts()
    shown = ""
    for i, (post, body) in enumerate(rest):
        kind = "best" if i == 0 else "other"
        shown += f"""<div class="wgt-{kind}{'-answer' if i else ''} bd answer" id="answer-{s.number(10000, 99999)}"><div class="hd line"><span class="answer-title">{'最佳答案' if i == 0 else ''}</span><span class="pos-time">推荐于 {s.date()}</span></div>
<div class="line content"><div class="{kind}-text mb-10 answer-text">{body}</div></div>
<div class="line ext-info"><a class="qb_home_icons">{s.number(0, 90)}</a> <span class="evaluate">{s.number(0, 9)}</span> <a>评论</a> <div class="grid">{post.author} | 来自：{s.pick(s.words.places)} | 采纳率：{s.number(20, 99)}%　擅长：{s.tags(3)}</div></div></div>
"""
        if i == 0:
            shown += f'<div class="ad-lu">{s.ad()}</div><div class="hd"><h2>其他回答（{len(rest) - 1}）</h2></div>'
    side = f"""<aside class="aside"><div class="task-list">{s.login()}</div><div class="related-box"><h2>{s.label()}</h2><ul>{s.links(10, '<li><a href="/question/{n}.html">{t}</a><span>{d}</span></li>')}</ul></div></aside>"""
    main = f"""<article class="grid qb-content"><div class="wgt-ask accuse-response line"><h1><span class="ask-title">{s.title}</span></h1><div class="line mt-5 q-content"><span class="con">{question[1]}</span></div><div class="line info"><span class="ask-time">浏览 {s.number(10, 99999)} 次　{s.date()}　{question[0].author}</span>{s.tags(3)}<a>我来答</a> <a>分享</a> <a>举报</a></div></div>
{shown}<div class="related-question"><h2>{s.label()}</h2>{s.links(8, '<p class="rel"><a href="/question/{n}.html">{t}</a> <span>{v}</span></p>')}</div>
<div class="evaluate-dialog" style="display:none">为你推荐：特别推荐 你对这个回答的评价是？ 打开手机客户端，随时随地回答别人的问题。</div></article>"""
    return f"""<!DOCTYPE html>
<html>
{s.head()}
<body class="layout-center"><div id="userbar"><ul>{s.nav(7)}</ul></div><header><form class="search-form"><input id="kw" name="word"><button>搜索答案</button><a>我要提问</a></form></header>
<div class="menu-bar">{s.nav(9, '<a href="/browse/{n}">{t}</a>')}</div><section class="line-wrap">{s.flip(main, side)}</section>
<footer class="footer">{s.footer(3)}<a>新手帮助</a> <a>如何答题</a> <a>获取采纳</a> <a>意见反馈</a></footer>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", maths="raw", pictures="noscript", code="spans")
def column(s: Site) -> str:
    """Questions and answers as an application of scripts: class names without meaning, state in a script."""

    def css() -> str:
        return f"css-{s.number(100000, 999999):x}{s.pick('abcdefgh')}"

    question, *rest = s.posts()
    shown = ""
    for post, body in rest:
        shown += f"""<div class="List-item" tabindex="0"><div class="ContentItem AnswerItem" name="{s.number(1000000, 9999999)}" itemprop="suggestedAnswer" itemscope itemtype="http://schema.org/Answer"><div class="ContentItem-meta"><div class="AuthorInfo {css()}"><span class="UserLink AuthorInfo-name"><a class="UserLink-link">{post.author}</a></span><div class="{css()}">{s.pick(['匿名用户', '机械工程师', '一个爱做饭的人', '物理学话题下的优秀答主'])}</div></div><div class="{css()}"><button>{s.number(2, 9000)} 人赞同了该回答</button></div></div>
<div class="RichContent RichContent--unescapable"><span class="RichText ztext CopyrightRichText-richText {css()}" itemprop="text">{body}</span></div><div class="ContentItem-time">编辑于 {s.date()} {s.number(10, 23)}:{s.number(10, 59)}</div><div class="ContentItem-actions"><button aria-label="赞同">​赞同 {s.number(2, 9000)}</button><button>​{s.number(1, 99)} 条评论</button><button>​分享</button><button>​收藏</button><button>​喜欢</button></div></div></div>
"""
    return f"""<!doctype html>
<html lang="zh" data-hairline="true" data-theme="light">
{s.head('<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="renderer" content="webkit"/>')}
<body class="Entry-body"><div id="root"><div><div class="LoadingBar"></div><header role="banner" class="Sticky AppHeader {css()}"><ul class="Tabs AppHeader-Tabs">{s.nav(5, '<li role="tab" class="Tabs-item"><a>{t}</a></li>')}</ul><div class="SearchBar">{s.headline()}</div><button>登录/注册</button></header>
<main role="main" class="App-main"><div class="QuestionPage" itemscope itemtype="http://schema.org/Question"><div class="QuestionHeader"><div class="QuestionHeader-topics">{s.tags(4, '<span class="Tag-content">{t}</span>')}</div><h1 class="QuestionHeader-title">{s.title}</h1><div class="QuestionRichText {css()}"><span class="RichText ztext" itemprop="text">{question[1]}</span></div><button>关注问题</button><button>写回答</button><div class="NumberBoard">关注者 <strong>{s.number(9, 900)}</strong> 被浏览 <strong>{s.number(900, 90000)}</strong></div></div>
<div class="Question-main"><div class="ListShortcut"><div class="List-header"><h4 class="List-headerText">{len(rest)} 个回答</h4><button>默认排序</button></div>{shown}</div>
<div class="Question-sideColumn {css()}"><div class="Card">{s.ad()}</div><div class="Card"><div class="Card-header">{s.label()}</div>{s.links(9, '<div class="SimilarQuestions-item"><a>{t}</a> {v} 个回答</div>')}</div><footer class="Footer">{s.footer(3, '<span>{t}</span>')}</footer></div></div></div></main></div></div>
<div class="Modal-wrapper" hidden><div class="signFlowModal">{s.login()} {s.cookie()}</div></div>
{s.tail()}</body></html>"""


@layout(p="p", h=("h2", "h3"), code="lines", table="thead", maths="katex", pictures="lazy")
def coder(s: Site) -> str:
    """A blog on a large site for programmers."""
    side = f"""<aside class="blog_container_aside"><div id="asideProfile"><span class="name">{s.user()}</span> 码龄{s.number(1, 15)}年 <dl><dt>原创</dt><dd>{s.number(9, 300)}</dd><dt>访问</dt><dd>{s.number(900, 90000)}</dd></dl><a>私信</a><a>关注</a></div><div id="asideHotArticle"><h3>热门文章</h3><ul>{s.links(5, '<li><a href="/article/details/{n}">{t}</a><span class="view">{v}</span></li>')}</ul></div><div id="asideNewComments"><h3>最新评论</h3>{s.comments(3, '<li><a>{u}:</a><p class="comment">{t}</p></li>')}</div></aside>"""
    main = f"""<main><div class="blog-content-box"><div class="article-header-box"><h1 class="title-article" id="articleContentId">{s.title}</h1><div class="article-bar-top"><a class="follow-nickName">{s.user()}</a><span class="time">已于 {s.date()} 修改</span><span class="read-count">阅读量{s.number(10, 9000)}</span><a>收藏 {s.number(1, 90)}</a><div class="tags-box">文章标签：{s.tags(3)}</div><div class="creativecommons">{s.say('版权声明：本文为博主原创文章，遵循许可协议，转载请附上原文出处链接和本声明。')}</div></div></div>
<article class="blog_pl"><div id="article_content" class="article_content clearfix"><div id="content_views" class="markdown_views prism-atom-one-dark">{s.interrupted(f'<div class="recommend-inline"><a href="/article/details/{s.number(1000, 9999)}">{s.headline()}</a></div>')}</div></div></article></div>
<div class="more-toolbox"><ul><li>点赞 {s.number(1, 90)}</li><li>踩</li><li>收藏本文</li><li>打赏</li></ul></div><div class="recommend-box">{s.links(8, '<div class="recommend-item-box"><a href="/article/details/{n}"><div class="title">{t}</div></a><div class="content-box">{d} {u} 的博客 {v}</div></div>')}</div>
<div class="comment-box">{s.comments(3, '<li class="comment-line-box"><a class="name">{u}</a><span class="new-comment">{t}</span><span class="date">{d}</span></li>')}</div></main>"""
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
{s.head('<meta name="referrer" content="always"><script src="/lib/highlight.js"></script>')}
<body class="nodata"><div id="toolbar" class="toolbar-inside"><ul>{s.nav(9)}</ul><div class="toolbar-search"><input placeholder="搜文章"><button>搜索</button></div><a>会员中心</a> <a>消息</a> <a>创作</a></div>
<div class="main_father clearfix"><div class="container">{s.flip(main, side)}</div></div>
<div class="hide-article-box" style="display:none">{s.login()}</div><div class="vip-side">开通会员可读全文 {s.ad()}</div>
<div class="bottom">{s.footer(4, '<li>{t}</li>')}</div>
{s.tail()}</body></html>"""


@layout(old=True, p=("p", "div"), h="h3", code="breaks", table="plain", maths="raw", pictures="plain")
def garden(s: Site) -> str:
    """A personal blog on a blog host, with a calendar."""
    days = "".join(f"<td>{i}</td>{'</tr><tr>' if i % 7 == 0 else ''}" for i in range(1, 31))
    side = f"""<div id="sideBar"><div id="sideBarMain"><div id="blog-calendar"><table><tr><th colspan="7">&lt; {s.date()[:7]} &gt;</th></tr><tr>{days}</tr></table></div><h3 class="catListTitle">公告</h3>昵称：{s.user()}<br>园龄：{s.number(1, 12)}年<br>粉丝：{s.number(1, 900)}<br>+加关注<h3>随笔分类</h3><ul>{s.nav(7, '<li><a href="/category/{n}.html">{t}({v})</a></li>')}</ul><h3>{s.label()}</h3><ul>{s.links(7)}</ul></div></div>"""
    main = f"""<div id="mainContent"><div class="forFlow"><div id="post_detail"><div id="topics"><div class="post"><h1 class="postTitle"><a id="cb_post_title_url" class="postTitle2" href="/p/{s.number(1000, 9999)}.html">{s.title}</a></h1><div class="clear"></div><div class="postBody"><div id="blog_post_body" class="blogpost-body">{s.body}</div><div id="blog_post_info">分类: {s.tags(1)} 标签: {s.tags(2)} 顶一下 关注作者 收藏</div></div><div class="postDesc">posted @ {s.date()} {s.user()} 阅读({s.number(9, 9000)}) 评论({s.number(1, 30)}) 编辑 收藏 举报</div></div></div></div>
<div id="comments_pager">{s.comments(5, '<div class="feedbackItem"><div class="feedbackListSubtitle">#{v}楼 {d} | {u}</div><div class="feedbackCon"><div class="blog_comment_body">{t}</div><span>支持({v})</span> <span>反对(0)</span></div></div>')}</div><div id="under_post">{s.login()}<p>{s.ad()}</p>{s.links(6, '· <a href="/n/{n}">{t}</a><br>')}</div></div></div>"""
    return f"""{XHTML}
<html lang="zh-cn">
{s.head()}
<body><div id="home"><div id="header"><div id="blogTitle"><h2>{s.user()}的园子</h2><p>{s.signature()}</p></div><div id="navigator"><ul id="navList">{s.nav(6)}</ul><div class="blogStats">随笔 - {s.number(9, 300)}  文章 - 0  评论 - {s.number(9, 300)}</div></div></div><div id="main">{s.flip(main, side)}</div><div id="footer">{s.footer(2, '{t}<br>')}</div></div>
{s.tail()}</body></html>"""


@layout(p="nested", h="strong", table="plain", pictures="lazy")
def mobile(s: Site) -> str:
    """An article of a mobile application's public accounts: spans within sections."""
    return f"""<!DOCTYPE html>
<html class="">
{s.head('<meta name="viewport" content="width=device-width,initial-scale=1.0,user-scalable=0"><meta name="color-scheme" content="light dark">')}
<body id="activity-detail" class="zh_CN wx_wap_page mm_appmsg"><div id="js_article" class="rich_media"><div id="js_top_ad_area" class="top_banner"></div><div class="rich_media_inner"><div id="page-content" class="rich_media_area_primary"><div id="img-content" class="rich_media_wrp">
<h1 class="rich_media_title" id="activity-name">{s.title}</h1><div id="meta_content" class="rich_media_meta_list"><span class="rich_media_meta">原创</span><span>{s.user()}</span><a id="js_name">{s.name}</a><em id="publish_time">{s.date()} 20:{s.number(10, 59)}</em><em>发表于{s.pick(s.words.places)}</em></div>
<div class="rich_media_content js_underline_content" id="js_content" style="visibility: hidden; opacity: 0;"><section style="text-align:center"><p><span style="color:#888;font-size:12px">{s.say('点击上方蓝字关注我们，设为星标不错过每一次更新')}</span></p></section>
{s.body}
<section class="mp_profile_iframe_wrp"><p style="text-align:center"><span style="font-size:12px;color:#b2b2b2">{s.say('—END— 觉得不错就点个在看，转发给更多需要的人')}</span></p></section></div></div>
<div class="rich_media_tool"><span>阅读 {s.number(90, 9000)}</span> <span>赞 {s.number(9, 90)}</span> <span>在看 {s.number(9, 90)}</span> 微信扫一扫 关注该公众号</div></div>
<div class="rich_media_area_extra"><div class="discuss_container"><div class="discuss_title">精选留言</div><ul class="discuss_list">{s.comments(6, '<li class="discuss_item"><strong class="nickname">{u}</strong><div class="discuss_message">{t}</div><span>{v}</span></li>')}</ul></div><div class="relate_article"><div>{s.label()}</div>{s.links(6, '<a class="relate_article_link"><div class="relate_article_title">{t}</div><p>阅读 {v}</p></a>')}</div></div></div></div>
<div class="weui-dialog" style="display:none">{s.cookie()}<a>取消</a><a>允许</a></div><div class="foot">{s.footer(1)}</div>
{s.tail()}</body></html>"""


@layout(p=("p", "div"), h="strong", specs="ul", table="plain", pictures="lazy")
def market(s: Site) -> str:
    """A product on a large marketplace: shop, recommendations and reviews around it."""
    reviews = s.comments(7, '<li class="rate-item"><div class="user">{u}（匿名）</div><div class="tb-rev-item"><div class="rate-content">{t}</div><div class="date">{d} 颜色分类:默认 有用({v})</div></div></li>')
    return f"""<!DOCTYPE html>
<html>
{s.head('<meta name="spm-id" content="a220o">')}
<body class="w1190"><div id="site-nav"><p>您好，欢迎光临{s.name} 请登录 免费注册</p><ul>{s.nav(6)}</ul><ul><li>我的购物车 0</li><li>收藏夹</li><li>卖家中心</li><li>联系客服</li></ul></div>
<div class="shop-header"><a class="shop-name">{s.pick(s.words.places)}{s.pick(s.words.things)}旗舰店</a> 描述4.{s.number(5, 9)} 服务4.{s.number(5, 9)} 物流4.{s.number(5, 9)} <a>收藏店铺</a><form><input><button>搜本店</button></form></div>
<div id="detail"><div class="tb-detail-hd"><h1 data-spm="{s.number(1000, 9999)}">{s.title}</h1></div><div class="tb-meta"><dl><dt>价格</dt><dd>¥<span>{s.number(20, 900)}.00</span></dd></dl><dl><dt>促销</dt><dd>{s.ad()}</dd></dl><dl><dt>运费</dt><dd>{s.pick(s.words.places)} 至 全国 快递: 0.00</dd></dl><ul><li>月销量 {s.number(3, 9000)}</li><li>累计评价 {s.number(3, 9000)}</li></ul><dl><dt>数量</dt><dd><input value="1">件 库存{s.number(3, 900)}件</dd></dl><button>立即购买</button><button>加入购物车</button><div>服务承诺 正品保证 极速退款 七天无理由退换</div></div></div>
<div class="grid-s5m0 clearfix">{s.flip(f'<div class="col-main"><div class="tabbar"><a>商品详情</a><a>累计评价</a><a>专享服务</a></div><div id="attributes" class="attributes"><div id="description" class="J_DetailSection">{s.body}</div></div><div id="reviews"><h4>全部评价 追评 图片</h4><ul>{reviews}</ul></div></div>', f'<div class="col-sub"><h3>宝贝分类</h3><ul>{s.nav(8)}</ul><h3>看了又看</h3>{s.links(6, "<div class=item><img data-ks-lazyload=/i/{n}.jpg><a>{t}</a><span>¥{v}.00</span></div>")}</div>')}</div>
<div id="footer">{s.footer(4)}<p>关于价格：带横线的是厂家建议价，仅供比较；最后以结算页上的价格为准</p></div>
{s.tail()}</body></html>"""


@layout(old=True, p="br", h="strong", specs="table", table="open", pictures="plain")
def factory(s: Site) -> str:
    """A small manufacturer's own site."""
    return f"""{XHTML}
<html>
{s.head()}
<body><div id="top"><img src="/skin/logo.jpg"><span>服务热线：0000-0000{s.number(1000, 9999)}</span></div><div id="menu">{s.nav(7, '<a href="/list-{n}.html">{t}</a>')}</div><div id="banner"><img src="/skin/b1.jpg"></div>
<div id="box"><div class="l"><h3>产品分类</h3><ul>{s.links(9)}</ul><h3>联系我们</h3><p>{s.say('地址：临溪市青禾路十八号工业园三栋（虚构）')}<br>电话：0000-0000{s.number(1000, 9999)}<br>传真：0000-0000{s.number(1000, 9999)}<br>联系人：{s.pick('赵钱孙李周')}先生</p></div>
<div class="r"><div class="pos">{s.crumbs(' &raquo; ')}</div><h1>{s.title}</h1><div class="pic"><img src="/upfile/{s.number(1000, 9999)}.jpg" onload="DrawImage(this,300,300)"></div><div class="cpnr">{s.body}</div><div class="msg"><form>在线询价 姓名：<input> 电话：<input> 内容：<textarea></textarea><input type="submit" value="提交留言"> {s.say('请填写真实的联系方式，我们会在一个工作日之内给您回电')}</form></div><div class="xg"><b>{s.label()}</b>{s.links(6, '<span><img src="/upfile/{n}_s.jpg"><a href="/show-{n}.html">{t}</a></span>')}</div></div></div>
<div id="link">{s.label()}：{s.nav(8, '<a href="http://{n}.site.example">{t}网</a>')}</div><div id="bottom">{s.footer(3, '{t}<br />')}</div>
{s.tail()}</body></html>"""


@layout(p="p", items=("div", "li"), pictures="lazy")
def channel(s: Site) -> str:
    """A channel's list of articles with summaries."""
    return f"""<!DOCTYPE html>
<html>
{s.head()}
<body><div class="nav-bar"><div class="wrap">{s.nav(16, '<a href="/{n}/">{t}</a>')}</div></div><div class="wrap"><div class="crumb">{s.crumbs(' / ')}</div>
{s.flip(f'<div class="list-main"><div class="channel-hd"><h1>{s.title}</h1><span>共 {s.number(3, 90)} 页</span></div>{s.body}<div class="page-nav"><a>上一页</a><b>1</b><a>2</a><a>3</a><a>4</a><a>5</a>…<a>下一页</a></div></div>', f'<div class="list-side"><div class="ad">{s.ad()}</div><h3>{s.label()}</h3><ul>{s.links(10)}</ul><h3>{s.label()}</h3><div class="tag-cloud">{s.tags(12)}</div><h3>{s.label()}</h3>{s.comments(4, "<p class=cmt><a>{u}</a> 评论：{t}</p>")}</div>')}</div>
<div class="footer">{s.footer(3)}</div>
{s.tail()}</body></html>"""


@layout(old=True, p="br", items=("tr", "dl"), table="open")
def directory(s: Site) -> str:
    """A directory or a list of downloads of the older kind."""
    rows = s.bare
    if "<tr>" in rows[:40]:
        rows = f'<table width="100%" cellpadding="4">{rows}</table>'
    return f"""{XHTML}
<html>
{s.head()}
<body><table width="960" align="center"><tr><td>{s.nav(12, '<a href="/sort/{n}.htm">{t}</a>')}</td></tr><tr><td bgcolor="#ffffe0">公告：{s.ad()}</td></tr></table>
<table width="960" align="center"><tr><td width="640" valign="top"><div class="tit"><h1>{s.title}</h1> <span>排序：时间 人气 评分</span></div>{rows}<div class="pages">首页 上页 <a>1</a> <a>2</a> <a>3</a> 下页 尾页 转到<select><option>1</option><option>2</option></select></div></td>
<td valign="top"><div class="box"><h3>{s.label()}</h3><ul>{s.links(12, '<li><span>{v}</span><a href="/soft/{n}.htm">{t}</a></li>')}</ul></div><div class="box"><h3>{s.label()}</h3>{s.links(5, '<dl><dt><img src="/s/{n}.gif"></dt><dd><a href="/soft/{n}.htm">{t}</a> 更新：{d}</dd></dl>')}</div></td></tr></table>
<table width="960" align="center"><tr><td align="center">{s.footer(4, '{t}<br>')}</td></tr></table>
{s.tail()}</body></html>"""


@layout(p="div", h="h2", table="plain", maths="mathml", pictures="lazy", code="pre")
def lemma(s: Site) -> str:
    """An entry of an encyclopedia."""
    return f"""<!DOCTYPE html>
<html>
{s.head('<meta name="image" content="/cover.jpg">')}
<body class="wiki-lemma normal"><div class="header-wrapper"><ul>{s.nav(8)}</ul><div class="form"><input><button>进入词条</button><button>全站搜索</button><a>帮助</a></div></div><div class="navbar">{s.nav(7, '<a>{t}</a>')}</div>
<div class="body-wrapper"><div class="content-wrapper"><div class="content">{s.flip(f'<div class="main-content"><dl class="lemmaWgt-lemmaTitle"><dd class="lemmaWgt-lemmaTitle-title"><h1>{s.title}</h1><a class="edit-lemma">编辑</a> <a>播报</a> <a>讨论</a> <a>上传视频</a></dd></dl><div class="main-para">{s.body}</div><div class="open-tag">词条标签：{s.tags(4)}</div><dl class="reference"><dt>参考资料</dt><dd>{s.links(3, "<li>{t}．{u}［引用日期{d}］</li>")}</dd></dl></div>', f'<div class="side-content"><div class="lemma-statistics"><h2>词条统计</h2>浏览次数：{s.number(900, 99999)}次<br>编辑次数：{s.number(9, 90)}次历史版本<br>最近更新：{s.user()} ({s.date()})</div><div class="right-ad">{s.ad()}</div><div class="unionAd"><h2>{s.label()}</h2>{s.links(9)}</div></div>')}</div></div></div>
<div class="wgt-footer-main">新手上路 成长任务 编辑入门 编辑规则 本人编辑 我有疑问 内容质疑 在线客服 投诉建议 举报不良信息 未通过词条申诉{s.footer(2)}</div>
{s.tail()}</body></html>"""


@layout(p="indented", h="strong", table="word", maths="mathml", pictures="plain")
def school(s: Site) -> str:
    """A school's or an institute's page, pasted from an office program."""
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<html xmlns:o="urn:schemas-microsoft-com:office:office">
{s.head()}
<body><div id="wrapper"><div id="masthead"><img src="/images/school.png" alt=""><div class="slogan">{s.pick(['厚德 博学 笃行 致远', '勤奋 求实 团结 创新'])}</div></div><ul id="mainmenu">{s.nav(9)}</ul>
<table id="frame" width="100%"><tr>{s.flip(f'<td class="leftmenu" width="210" valign="top"><h2>{s.label()}</h2><ul>{s.links(9)}</ul><div class="date">{s.date()}</div></td>', f'<td class="winstyle" valign="top"><form name="_newscontent_fromname"><div class="pos">{s.crumbs(">>")}</div><div class="titlestyle" align="center"><h1>{s.title}</h1></div><div class="timestyle">{s.date()}　{s.user()}　点击：[<span id="dynclicks">{s.number(9, 900)}</span>]</div><div class="WordSection1 v_news_content">{s.body}</div><p>上一条：<a href="{s.number(1000, 9999)}.htm">{s.headline()}</a></p><p>下一条：<a href="{s.number(1000, 9999)}.htm">{s.headline()}</a></p><p>【<a href="#" onclick="window.close()">关闭</a>】</p></form></td>')}</tr></table>
<div id="footer">{s.links(4, '<a href="http://{n}.site.example">{t}</a>')}{s.footer(2)}</div></div>
{s.tail()}</body></html>"""
